"""What methods put in comes from the model's own vocabulary."""

from pathlib import Path

import pytest

from z1ray.engine.tokens import tokenizer
from z1ray.evaluation.methods import names
from z1ray.evaluation.methods.marks import closing_tag, ending, marks


def test_a_model_without_tags_is_told_to_answer_only(tiny_model: Path) -> None:
    """It has no delimiter to put in."""
    found = marks(str(tiny_model))
    assert (found.tag, found.closing, found.final_text) == ((), (), "\n\nFinal Answer:")
    assert tokenizer(str(tiny_model)).decode(found.wait) == "Wait"


def test_a_tag_is_found_in_the_vocabulary(tagged_model: Path) -> None:
    """As one token, by which the model's own is found."""
    found = marks(str(tagged_model))
    assert tokenizer(str(tagged_model)).decode(found.tag) == "</think>"
    assert len(found.tag) == 1
    assert found.tag[0] in found.closing
    assert found.tag[0] in found.final
    assert (found.closing_text, found.final_text) == ("\n</think>\n\n", "\n</think>\n\nFinal Answer:")


def test_a_tag_is_found_in_the_chat_template(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the vocabulary has none of its own."""
    found = tokenizer(str(tiny_model))
    monkeypatch.setattr(found, "chat_template", found.chat_template + "{% if x %}[/THINK]{% endif %}")
    assert closing_tag(str(tiny_model)) == "[/THINK]"


def test_what_ends_thinking_is_the_methods_own(tagged_model: Path) -> None:
    """The answer begins there: grading would look for it in the thinking otherwise."""
    own = marks(str(tagged_model))
    endings = {method: ending(method, "the hint", own) for method in names.METHODS}
    forcing = {names.BUDGET_FORCING: own.final_text, names.BUDGET_FORCING_WAIT: own.final_text}
    assert endings == dict.fromkeys(names.METHODS, "the hint") | forcing | {names.TAG_CAPPED: own.closing_text}
