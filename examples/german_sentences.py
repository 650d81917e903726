"""German sentences made by rules, for `another_language.py`; free for any use (CC0)."""

import random
from collections.abc import Iterator

__all__ = ["sentences"]

# Nominative with its article; the plural where a number comes before it.
NOUNS = """der Bäcker, die Bäckerei, der Zug, das Fenster, die Straße, der Schlüssel, das Mädchen, der Junge, die
Brücke, der Löffel, die Küche, das Frühstück, der Käse, die Milch, das Brötchen, der Kuchen, die Suppe, der Garten,
die Blume, der Apfelbaum, das Pferd, die Kuh, der Hund, die Katze, der Vogel, das Schaf, die Biene, der Wald, die
Wiese, der Berg, das Tal, der Fluss, die Quelle, der See, das Meer, die Insel, der Hafen, das Schiff, der
Leuchtturm, die Möwe, der Lehrer, die Schülerin, das Heft, die Tafel, der Füller, das Buch, die Geschichte, der
Brief, die Zeitung, das Bild, der Maler, die Farbe, das Licht, der Schatten, die Lampe, der Teppich, das Sofa, die
Decke, der Spiegel, das Bett, der Arzt, die Krankenschwester, das Krankenhaus, die Apotheke, der Zahn, das Auge, die
Schulter, das Knie, der Rücken, die Uhr, der Wecker, das Jahrhundert, die Woche, der Morgen, das Gewitter, der
Regen, die Wolke, der Schnee, der Nebel, das Fahrrad, die Ampel, der Bürgermeister, das Rathaus, die Post, der
Koffer, die Reise, der Flughafen, das Gepäck, der Tischler, die Säge, der Hammer, das Holz, die Tür, der Nagel, das
Werkzeug, die Schraube, der Handwerker, die Orchesterprobe, der Geiger, das Klavier, die Trompete, der Chor, das
Lied, die Bühne, der Vorhang, das Publikum, die Königin, der König, das Schloss, die Burg, der Ritter, das Schwert,
die Prinzessin, der Zauberer, die Hexe, der Bauer, die Ernte, das Getreide, die Kartoffel, der Kürbis, die Zwiebel,
das Gemüse, die Birne, der Pfirsich, der Ingenieur, die Maschine, das Kraftwerk, die Leitung, der Strom, das Gerät,
die Batterie, der Schalter"""
PLURALS = """Bücher, Äpfel, Häuser, Stühle, Züge, Brücken, Schafe, Gäste, Kinder, Fragen, Wörter, Schlüssel, Tage,
Wochen, Kilometer, Meter, Stunden, Minuten, Tassen, Flaschen, Bäume, Vögel, Briefe, Fenster, Treppen, Münzen,
Seiten, Blätter"""
ADJECTIVES = """alte, neue, kleine, große, schöne, hässliche, müde, fröhliche, traurige, fleißige, faule, kluge,
grüne, rote, gelbe, blaue, weiße, schwarze, kalte, heiße, süße, saure, schwere, leichte, schnelle, langsame, lange,
kurze, tiefe, fremde, berühmte, unbekannte, jüngste, älteste, höfliche, freche, stille, laute, runde, eckige,
zerbrochene, glänzende"""
VERBS = """schläft, lacht, wartet, singt, fällt, steht, liegt, läuft, kommt, geht, bleibt, verschwindet, leuchtet,
zittert, wächst, fährt, fliegt, schwimmt, tanzt, schweigt, träumt, arbeitet, brennt, klingelt, glänzt, quietscht,
zerbricht"""
PLACES = """am Bahnhof, hinter dem Haus, vor der Schule, über den Dächern, unter der Brücke, zwischen den Bäumen, im
Keller, auf dem Marktplatz, neben der Kirche, in München, in Köln, bei Zürich, aus Österreich, nach Düsseldorf, im
Büro, an der Küste, auf der Bühne, in der Nähe, im Süden, am nördlichen Ufer, bei den Großeltern, im Gebüsch, in der
Wüste"""
TIMES = """heute, morgen früh, gestern Abend, seit Jahren, jeden Tag, plötzlich, am Wochenende, im Frühling, im
Herbst, später, selten, häufig, bald, nächstes Jahr, um Mitternacht, gegen Mittag, während der Pause, zum Glück,
natürlich"""
NAMES = """Jürgen, Käthe, Günther, Sören, Frau Müller, Herr Schröder, Anna, Lukas, Felix, Charlotte, Björn, Ursula,
Max, Sophie, Frau Weiß, Herr Böhm, Thomas, Yvonne, Quirin, Xaver"""
SAYINGS = """{time} {verb} {noun} {place}. | {noun} {verb} {place}. | {name} sieht {plural} {place}. |
{adjective} Gäste kommen {time} {place}. | {name} und {name} zählen {number} {plural}. | Wo {verb} {noun}? |
Warum {verb} {noun} {time} {place}? | {noun} kostet {number} Euro. | {number} {plural} liegen {place}. |
Ich weiß nicht, ob {noun} {time} {verb}. | {name} sagt: „{noun} {verb} {place}.“ | {noun} ist {number} Jahre alt. |
{name} hat {number} {plural} und {number} {plural}. | {time} kaufte {name} {number} {adjective} {plural}. |
{number} % der {plural} sind {time} {place}. | {noun} {verb}, und {noun} {verb}."""


def _items(text: str, separator: str = ",") -> list[str]:
    return [item.strip() for item in " ".join(text.split()).split(separator)]


def sentences(seed: int, *, is_test: bool = False) -> Iterator[str]:
    """Sentences without end. Every fifth word of the lists is for the tests alone.

    Args:
        seed: The same seed gives the same sentences.
        is_test: Whether half of the words are those that training never has.
    """
    rng = random.Random(f"{seed} {is_test}")
    lists = {
        "noun": NOUNS,
        "plural": PLURALS,
        "adjective": ADJECTIVES,
        "verb": VERBS,
        "place": PLACES,
        "time": TIMES,
        "name": NAMES,
    }
    words = {name: _items(text) for name, text in lists.items()}
    held_out = {name: each[4::5] for name, each in words.items()}
    known = {name: [word for word in each if word not in held_out[name]] for name, each in words.items()}
    forms = _items(SAYINGS, "|")
    while True:
        text = rng.choice(forms)
        while "{" in text:
            name = text[text.index("{") + 1 : text.index("}")]
            if name == "number":
                word = str(rng.randint(2, 999))
            else:
                word = rng.choice((held_out if is_test and rng.random() < 0.5 else known)[name])
            text = text.replace(f"{{{name}}}", word, 1)
        yield text[0].upper() + text[1:]
