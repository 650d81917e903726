import pytest

from hf_bigru_asr.text.normalization import normalize_transcript


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Mr. Mrs. Dr. Mr Hall Mrs Hall Dr Hall mr. MR.",
            "MISTER MISSUS DOCTOR MISTER HALL MISSUS HALL DOCTOR HALL MISTER MISTER",
        ),
        ("Mr.'s Mr.Hall", "MISTER'S MISTER HALL"),
        ("MR SMITH", "MR SMITH"),
        ("No. 5, no. 5, at No 5", "NUMBER FIVE NUMBER FIVE AT NUMBER FIVE"),
        ("No. It is no.", "NO IT IS NO"),
        (
            "The St. Louis church of St. Ann in Elm St., on 42nd St.",
            "THE SAINT LOUIS CHURCH OF SAINT ANN IN ELM STREET ON FORTY SECOND STREET",
        ),
        ("She is a Dr.", "SHE IS A DOCTOR"),
        ("1st Lt. Col. Hill", "FIRST LIEUTENANT COLONEL HILL"),
        ("Co-op of Hill & Co.", "CO OP OF HILL AND COMPANY"),
        ("WWII and the WW2", "WORLD WAR TWO AND THE WORLD WAR TWO"),
        ("Roe v. Wade", "ROE VERSUS WADE"),
        ("e.g. this, i.e. that, etc", "FOR EXAMPLE THIS THAT IS THAT ET CETERA"),
        ("c. 1900", "CIRCA NINETEEN HUNDRED"),
        ("at 5 p.m.", "AT FIVE P M"),
        ("A.M. Hill, O'Mr", "A M HILL O'MR"),
        ("eg this, ie that", "FOR EXAMPLE THIS THAT IS THAT"),
        ("Hill, Esq., of Tenn.", "HILL ESQUIRE OF TENNESSEE"),
        ("a PhD", "A P H D"),
        ("EG, IE", "EG IE"),
        ("The Dr said Adm. Hill", "THE DOCTOR SAID ADMIRAL HILL"),
    ],
)
def test_abbreviations(text: str, expected: str) -> None:
    assert normalize_transcript(text) == expected
    assert normalize_transcript(expected) == expected
