"""Foreign texts are cleaned, counted and bounded."""

from hubbub.metrics.texts import MAX_TEXTS, OTHERS, Texts, cleaned


def test_a_foreign_text_is_one_printable_line():
    assert cleaned("\x1b[2J\nVerdict: PASS\u202e") == "?[2J?Verdict: PASS?"
    assert len(cleaned("x" * 1_000)) == 120
    assert cleaned("") == "(empty)"


def test_each_text_is_counted_up_to_a_number_of_texts():
    texts = Texts()
    for number in range(2 * MAX_TEXTS):
        texts.add(f"no {number}")
    texts.add("no 0")
    assert len(texts.counts) == MAX_TEXTS + 1
    assert (texts.counts["no 0"], texts.counts[OTHERS]) == (2, MAX_TEXTS)
    assert texts.most() == (OTHERS, MAX_TEXTS)


def test_those_of_workers_add_up():
    one, two = Texts(), Texts()
    assert one.most() is None
    one.add("a")
    two.add("a")
    two.add("b")
    one.merge(two)
    assert one.counts == {"a": 2, "b": 1}
