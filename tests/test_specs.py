from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.errors import ConfigurationError
from outlay.specs import name_in, read, split, split_known, unknown, write

KNOWN = {"thing": ("size", "max_tokens"), "bare": ()}


@pytest.mark.parametrize(
    ("spec", "name", "parameters"),
    [
        pytest.param("", "", {}, id="nothing"),
        pytest.param("thing", "thing", {}, id="a name"),
        pytest.param("thing:", "thing", {}, id="a colon and no more"),
        pytest.param(" my_thing : max-tokens = 3 ", "my-thing", {"max_tokens": "3"}, id="blanks and hyphens"),
        pytest.param("thing:a=1,,b=2,", "thing", {"a": "1", "b": "2"}, id="empty parts"),
        pytest.param("thing:a=x=y:z/w", "thing", {"a": "x=y:z/w"}, id="further signs"),
        pytest.param("thing:a=,b=2", "thing", {"a": "", "b": "2"}, id="an empty value"),
        pytest.param('thing:a=[1,2],b={"c": 1, "d": 2},e="x,y"', "thing",
                     {"a": "[1,2]", "b": '{"c": 1, "d": 2}', "e": '"x,y"'}, id="commas inside"),
        pytest.param("thing:a=x],b=y}", "thing", {"a": "x]", "b": "y}"}, id="closed, never opened"),
    ],
)  # fmt: skip
def test_a_spec_is_a_name_and_parameters(spec: str, name: str, parameters: dict[str, str]) -> None:
    assert split(spec) == (name, parameters)
    assert name_in(spec) == name


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param("thing:size", "cannot read 'size' in 'thing:size': write name=value", id="no value"),
        pytest.param("thing:=3", "cannot read '=3'", id="no name"),
        pytest.param("thing:size=1,size=1", "'size' of thing is given twice", id="twice"),
        pytest.param("thing:max-tokens=1,max_tokens=2", "given twice", id="twice in two spellings"),
        pytest.param("thing:size=[1,2", "the [ in it is not closed", id="an open list"),
        pytest.param('thing:size=a"b', 'the " in it is not closed', id="an open string"),
        pytest.param(
            "thng:size=1", "unknown kind 'thng': did you mean 'thing'? known: thing, bare", id="near"
        ),
        pytest.param("What is 6: 7, 8?", "unknown kind 'What is 6': known", id="a name is looked at first"),
        pytest.param(
            "thing:sise=1", "parameter of thing 'sise': did you mean 'size'?", id="near a parameter"
        ),
        pytest.param("bare:size=1", "unknown parameter of bare 'size': known: none", id="has none"),
    ],
)
def test_what_is_wrong_is_named(spec: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        split_known(spec, "kind", KNOWN)
    assert says in str(caught.value)


def test_what_is_known_is_given() -> None:
    assert split_known("thing:size=1", "kind", KNOWN) == ("thing", {"size": "1"})


def test_any_iterable_may_be_known() -> None:
    assert (
        unknown("kind", "thnig", iter(["thing"]))
        == "unknown kind 'thnig': did you mean 'thing'? known: thing"
    )


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        pytest.param("3", int, 3, id="integer"),
        pytest.param("1/4", float, 0.25, id="fraction"),
        pytest.param("1/4", str, "1/4", id="no fraction where a text is meant"),
        pytest.param("1/0", float, "1/0", id="no fraction"),
        pytest.param("None", int | None, None, id="none"),
        pytest.param("none", str, "none", id="no none where a text is meant"),
        pytest.param("false", bool, False, id="boolean"),
        pytest.param("[1,2]", tuple[int, ...], (1, 2), id="list"),
        pytest.param('{"a": 1}', dict[str, int], {"a": 1}, id="object"),
        pytest.param("[1,", tuple[int, ...], "[1,", id="half a list"),
        pytest.param("many", int, "many", id="what the type does not take"),
    ],
)
def test_a_text_is_read_by_a_type(text: str, annotation: object, value: object) -> None:
    found = read(text, annotation)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "none"), (True, "true"), (0.95, "0.95"), (3, "3"), ("single", "single"), ((1, 2.5), "[1,2.5]")],
    ids=["none", "boolean", "float", "integer", "text", "tuple"],
)
def test_a_value_is_written_without_blanks(value: object, text: str) -> None:
    assert write(value) == text


@given(st.none() | st.floats(allow_nan=False))
def test_a_number_that_is_written_is_read_again(value: float | None) -> None:
    assert read(write(value), float | None) == value


@given(st.lists(st.floats(allow_nan=False)).map(tuple))
def test_numbers_that_are_written_are_read_again(values: tuple[float, ...]) -> None:
    assert read(write(values), tuple[float, ...]) == values
    assert split(f"thing:a=1,values={write(values)},b=2")[1]["values"] == json.dumps(values).replace(" ", "")
