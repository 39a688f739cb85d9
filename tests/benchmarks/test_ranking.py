"""How a written ranking is read."""

from __future__ import annotations

from benchmarks.ranking import read

HEADINGS = ["Alien (1979)", "Amélie (2001)", "2001: A Space Odyssey (1968)"]


def test_headings_are_read_in_the_order_they_were_written():
    assert read("1. Amélie (2001)\n2. Alien (1979)", HEADINGS).order == [1, 0]


def test_case_accents_and_a_missing_year_do_not_matter():
    assert read("1. amelie\n 2. 2001: a space odyssey", HEADINGS).order == [1, 2]


def test_invented_and_repeated_lines_are_counted_and_left_out():
    reading = read("1. Alien (1979)\n2. Aliens vs. Accountants (2031)\n3. Alien\n", HEADINGS)
    assert (reading.order, reading.invented, reading.repeated) == ([0], 1, 1)


def test_text_that_is_no_list_names_nothing():
    assert read("I would watch Alien (1979).", HEADINGS) == ([], 0, 0)
