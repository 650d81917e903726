import pytest

from hf_bigru_asr.text.normalization import normalize_transcript


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10:00 9:05 23:59", "TEN O'CLOCK NINE OH FIVE TWENTY THREE FIFTY NINE"),
        ("17:00", "SEVENTEEN HUNDRED"),
        ("10:00 o'clock", "TEN O'CLOCK"),
        ("9:05 am, 9:05 A.M. or 9.05pm", "NINE OH FIVE AM NINE OH FIVE A M OR NINE OH FIVE PM"),
        ("9-10am", "NINE TO TEN AM"),
        ("3 p.m.-5 p.m.", "THREE P M TO FIVE P M"),
        ("10:00 - 12:00", "TEN O'CLOCK TO TWELVE O'CLOCK"),
        ("John 3:16", "JOHN THREE SIXTEEN"),
        ("3 March, 3rd March and March 3rd", "THE THIRD OF MARCH THE THIRD OF MARCH AND MARCH THIRD"),
        ("the 3 March vote", "THE THIRD OF MARCH VOTE"),
        ("The 3 March vote", "THE THIRD OF MARCH VOTE"),
        ("on 3 and 4 March", "ON THE THIRD AND THE FOURTH OF MARCH"),
        ("1 March-5 March", "THE FIRST OF MARCH TO THE FIFTH OF MARCH"),
        ("Oct. 5-Nov. 6", "OCTOBER FIFTH TO NOVEMBER SIXTH"),
        ("Dec 2020", "DECEMBER TWENTY TWENTY"),
        ("I may 5, May 35", "I MAY FIVE MAY THIRTY FIVE"),
        ("May 5%", "MAY FIVE PER CENT"),
        ("covid-19 March", "COVID NINETEEN MARCH"),
        ("In May 10 men", "IN MAY TEN MEN"),
        ("on 05 May", "ON THE FIFTH OF MAY"),
        ("Mon-Fri 9am-5pm, Sat-Sun", "MONDAY TO FRIDAY NINE AM TO FIVE PM SATURDAY TO SUNDAY"),
        ("Monday-Friday, May-June, Apr-Jun", "MONDAY TO FRIDAY MAY TO JUNE APRIL TO JUNE"),
        ("10am-noon noon-2pm", "TEN AM TO NOON NOON TO TWO PM"),
        ("Mon Dieu, the Sun; Mon. 5 May", "MON DIEU THE SUN MONDAY THE FIFTH OF MAY"),
        ("the 8.30 train, 8.30 per cent", "THE EIGHT THIRTY TRAIN EIGHT POINT THREE ZERO PER CENT"),
        ("Monday-night", "MONDAY NIGHT"),
    ],
)
def test_times(text: str, expected: str) -> None:
    assert normalize_transcript(text) == expected
    assert normalize_transcript(expected) == expected
