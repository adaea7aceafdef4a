from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from outlay.answers import MARKED, extract, find, normalise

if TYPE_CHECKING:
    from outlay.answers.marks import Kind


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (
            "auto",
            "**Sum**\n\n$$\n\\text{Total} = 3\n$$\n\n**Final Answer:**\n\n$$\n\\text{ANSWER: } \\$345\n$$",
            "345",
        ),
        ("auto", "$\\text{Answer: } 42$", "42"),
        ("auto", "$$\\text{Answer: 42}$$", "42"),
        ("auto", "\\[\\textbf{Answer: } \\frac{1}{2}\\]", "1/2"),
        ("auto", "(The answer is 42)", "42"),
        ("auto", "Thus (answer: 42) holds for 3 cases.", "42"),
        ("auto", "The answer is [42].", "42"),
        ("auto", "The answer is {42}.", "42"),
        ("auto", "The answer is `42`.", "42"),
        ("auto", 'The answer is: "42".', "42"),
        ("auto", "<answer>42</answer> in 3 steps", "42"),
        ("auto", "<ANSWER>\n42\n</ANSWER>\n3", "42"),
        ("auto", "<final_answer>Paris</final_answer>", "Paris"),
        ("auto", "<answer>The answer is 42, from 6 and 7.</answer>", "42"),
        ("auto", "<answer>so \\boxed{42} of 3</answer> bye 5", "42"),
        ("auto", "I think. 3 steps <answer>42", "42"),
        ("choice", "<answer>B</answer> because A is wrong", "B"),
        ("choice", "<answer>(C) Paris</answer>", "C"),
        ("auto", "We get $\\boxed 7$ in 2 steps.", "7"),
        ("auto", "We get $\\boxed{ 7 }$ in 2 steps.", "7"),
        ("auto", "We get $\\boxed72$ in 3 steps.", "72"),
        ("auto", "We get $\\boxed\\frac{1}{2}$ in 3 steps.", "1/2"),
        ("auto", "We get \\boxed\\frac12 in 3 steps.", "1/2"),
        ("auto", "We get \\boxed{\\frac12} in 3 steps.", "1/2"),
        ("auto", "We get $\\fbox{7}$ in 3.", "7"),
        ("choice", "so \\boxed B.", "B"),
        ("auto", "3 and 4 make 7 apples.\n#### Final Answer: 7", "7"),
        ("auto", "in 3 steps\n#### The answer is 7", "7"),
        ("auto", "in 3 steps\n#### **Answer:** $7", "7"),
        ("auto", "in 3 steps\n### Answer\n7 apples\n", "7"),
        ("auto", "in 3 steps\n## Final Answer\n\n**42**\n\nDone after 3 steps.", "42"),
        ("auto", "**Final Answer**\n\n\\[\n42\n\\]\n\nin 3 steps", "42"),
        ("auto", "**Answer:**\n\\[\nx = 42\n\\]\n3", "42"),
        ("auto", "The solutions are \\boxed{3}, \\boxed{5}, \\boxed{7}.", "3, 5, 7"),
        ("auto", "So \\boxed{3} and \\boxed{5}.", "3, 5"),
        ("auto", "So $\\boxed{3}$ or $\\boxed{5}$.", "3, 5"),
        ("auto", "$x = \\boxed{3}$, $y = \\boxed{5}$", "3, 5"),
        ("auto", "$\\boxed{3}, \\boxed{5}, \\text{ and } \\boxed{7}$", "3, 5, 7"),
        ("auto", "\\boxed{3}; \\boxed{5}", "3, 5"),
        ("auto", "First \\boxed{3}. Then \\boxed{5}.", "5"),
        ("auto", "Not \\boxed{3}, but \\boxed{5}.", "5"),
        ("auto", "\\boxed{7}. So, \\boxed{7}", "7"),
        ("auto", "\\boxed{7}, \\boxed{7}", "7"),
        ("number", "The solutions are \\boxed{3}, \\boxed{5}, \\boxed{7}.", "7"),
        ("choice", "\\boxed{A}, \\boxed{C}", "C"),
        ("choice", "We get \\boxed{E = mc^2} on the way.\n\nAnswer: D", "D"),
        ("choice", "We get \\boxed{F=ma}. The answer is B.", "B"),
        ("choice", "\\boxed{A + B} is it. Answer: C", "C"),
        ("choice", "\\boxed{C^2} is it. Answer: D", "D"),
        ("choice", "\\boxed{\\text{B}}", "B"),
        ("choice", "\\boxed{\\textbf{(B)}\\ 12}", "B"),
        ("choice", "\\boxed{B. Paris}", "B"),
        ("choice", "I would pick B — a safe choice.", "B"),
        ("choice", "I choose C because A is wrong.", "C"),
        ("choice", "I'd go with D.", "D"),
        ("choice", "I would select option C here", "C"),
        ("choice", "I pick a safe bet", None),
        ("choice", "I choose (B)", "B"),
        ("choice", "A is too small, so the answer must be C.", "C"),
        ("choice", "So the answer should be **C**.", "C"),
        ("choice", "the answer has to be B", "B"),
        ("choice", "The correct option is B.", "B"),
        ("choice", "The best choice would be (D).", "D"),
        ("choice", "Answer: B, since it is", "B"),
        ("choice", "Answer: **B**", "B"),
        ("choice", "Answer: B) Paris", "B"),
        ("choice", "Answer - B", None),
        ("choice", "The answer is therefore B.", "B"),
        ("choice", "Antwort:\n\nAntwort: C", "C"),
        ("choice", "Die Antwort ist C.", "C"),
        ("choice", "Die richtige Antwort lautet B.", "B"),
        ("choice", "Réponse : B", "B"),
        ("choice", "La réponse est B.", "B"),
        ("choice", "Respuesta: D", "D"),
        ("choice", "La respuesta es D.", "D"),
        ("choice", "Risposta: A", "A"),
        ("choice", "Resposta: A", "A"),
        ("choice", "答案\uff1aC", "C"),
        ("choice", "答案是C。因为A不对", "C"),
        ("choice", "正解はどれ\uff1f答え\uff1aC", "C"),
        ("choice", "정답: C", "C"),
        ("choice", "Jawaban: C", "C"),
        ("choice", "Ответ: C", "C"),
        ("number", "所以她有5个\uff0c答案是12。检验\uff1a3*4=12\uff0c共3步。", "12"),
        ("auto", "所以她有5个\uff0c答案是12。检验\uff1a3*4=12\uff0c共3步。", "12"),
        ("auto", "答案为 12\uff0c共3步", "12"),
        ("auto", "因此\uff0c最终答案是\uff1a$\\boxed{12}$。", "12"),
        ("number", "Die Antwort ist 12. Das sind 3 Schritte.", "12"),
        ("number", "La réponse est 12, en 3 étapes.", "12"),
        ("auto", "The answer is $12\\,500$.", "12500"),
        ("auto", "The answer is $12{,}500$ in 3 steps.", "12500"),
        ("auto", "The answer is $12\\ 500$.", "12500"),
        ("number", "It is $12\\,500$", "12500"),
        ("number", "It is 12\u202f500", "12500"),
        ("auto", "The answer is 1,00,000 rupees.", "100000"),
        ("number", "It costs 12,34,567 rupees", "1234567"),
        ("auto", "The answer is approximately 3.14.", "3.14"),
        ("auto", "The answer is about 12 apples.", "12"),
        ("auto", "The answer is roughly $3.50.", "3.5"),
        ("auto", "The answer is $\\approx 3.14$.", "3.14"),
        ("auto", "The answer is ≈ 3.14", "3.14"),
        ("auto", "The answer is ~3.14", "3.14"),
        ("auto", "The answer is exactly 7.", "7"),
        ("auto", "The answer is $x \\approx 3.14$", "3.14"),
        ("auto", "The answer is $15/hour.", "15"),
        ("auto", "The answer is 15 miles/hour.", "15"),
        ("auto", "The answer is 60 km/h.", "60"),
        ("auto", "The answer is 10 m/s.", "10"),
        ("auto", "The answer is \\$15/\\text{hour}.", "15"),
        ("auto", "The answer is 15 per hour.", "15"),
        ("auto", "The answer is 3/4.", "3/4"),
        ("auto", "The answer is 12.\n\nQuestion: How many is 3+4?\nAnswer: The answer is 7.", "12"),
        ("auto", "#### 12\n\nQuestion: x?\n#### 7", "12"),
        ("auto", "The answer is 12.\n\nQ: x?\nA: The answer is 7.", "12"),
        ("auto", "\\boxed{12}<|im_end|>\n<|im_start|>user\nwhat is 3?", "12"),
        ("auto", "The answer is 12</s>", "12"),
        ("auto", "The answer is 12.\n\nHuman: what about 5?\n\nAssistant: The answer is 5.", "12"),
        ("auto", "Question: how many?\n\nThe answer is 12.", "12"),
        ("auto", "The answer is 42.Let me explain 3 things.", "42"),
        ("auto", "The answer is 42 because 6*7 is 42 and 3 is odd", "42"),
        ("auto", '{"answer": [3, 5]}', "3, 5"),
        ("auto", '{"answer": [42]}', "42"),
        ("auto", '{"answer": "\\\\boxed{42}"}', "42"),
        ("auto", "The answer is \u22125.", "-5"),
        ("auto", "The answer is -5 degrees.", "-5"),
        ("auto", "The answer is $-\\frac{3}{4}$.", "-3/4"),
        ("auto", "The answer is 12:30 PM.", "12:30 PM"),
        ("auto", "The answer is 3 pm.", "3 pm"),
        ("auto", "The answer is twenty-one.", "21"),
        ("auto", "Answer: 42\n\nExplanation: 6*7=42 in 3 ways", "42"),
        ("auto", "The answer equals 42.", "42"),
        ("auto", "The final answer comes to 42.", "42"),
        ("auto", "The answer is 50%.", "50"),
        ("auto", "The answer is $\\frac{1}{2}$ cup.", "1/2"),
        ("auto", "The answer is 2 1/2 cups.", "2.5"),
        ("auto", "The answer is 1.5 million.", "1500000"),
        ("auto", "The answer is $(3, 4)$.", "(3,4)"),
        ("auto", "The answer is x = 5 and y = 3.", "x = 5 and y = 3"),
        ("auto", "The answer isn't 5. The answer is 6.", "6"),
        ("auto", "The answer is not 5.", "5"),
        ("choice", "Both A and B", None),
        ("choice", "**B. Paris**", "B"),
        ("choice", "The answer is A. B is wrong.", "A"),
        ("choice", "Final answer: (A)", "A"),
        ("choice", "My answer is D", "D"),
        ("choice", "The answer is option D", "D"),
        ("choice", "Answer: Option (D)", "D"),
        ("choice", "Answer: [D]", "D"),
        ("choice", "Answer: $\\textbf{(D)}$", "D"),
        ("choice", "Answer: D. 3 = x", "D"),
        ("text", "Answer: Paris (France)", "Paris (France)"),
        ("auto", "The correct answer is St. Petersburg.", "St. Petersburg"),
        ("auto", "The answer is [0, 1).", "[0, 1)"),
        ("auto", "The answer is (0, 1].", "(0, 1]"),
        ("auto", "boxed{42} in 3", "42"),
        ("auto", "\x08oxed{42} in 3", "42"),
    ],
)
def test_the_answer_is_found(kind: Kind, text: str, value: str | None) -> None:
    found = extract(text, kind)
    assert (found and normalise(found)) == (value and normalise(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"It is \boxed{\text{The Hague}}.", "The Hague"),
        ("**Answer:** The **Hague**.", "The Hague"),
        ("The answer is $42$ apples.", "42"),
        ("The capital is Paris.", "The capital is Paris"),
        ('{"answer": "The Hague"}', "The Hague"),
        ("<answer>The Hague</answer> I think", "The Hague"),
    ],
)
def test_a_value_has_the_words_of_the_text_without_markup(text: str, value: str) -> None:
    assert extract(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The answer is 2 weeks ago. She said so.", "2 weeks ago"),
        ("#### about 3 apples", "about 3 apples"),
        (r"\boxed{3 \text{ apples}}", r"3 \text{ apples}"),
        ("Answer: 42 apples, because of 6 trees", "42 apples, because of 6 trees"),
    ],
)
def test_kind_text_keeps_the_words_around_a_number(text: str, value: str) -> None:
    assert extract(text, "text") == value


@pytest.mark.parametrize(
    ("text", "complete"),
    [("<answer>42</answer>", True), ("<answer>42", False), ("It is <answer>\\boxed{42}", True)],
)
def test_a_tag_that_is_not_closed_may_be_cut_off(text: str, *, complete: bool) -> None:
    found = find(text)
    assert found is not None
    assert (found.value, found.complete, found.how in MARKED) == ("42", complete, True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("What is asked?\n\nQuestion: how many?\n\nThe answer is 12.", "12"),
        ("Question 1: 3+4?\nAnswer: 7\nQuestion 2: 7+5?\nAnswer: 12", "12"),
        ("The answer is 12.\n\nProblem solved in 3 steps.", "12"),
        ("The answer is 12.\nQuestion: and 3+4? The answer is 7.", "7"),
    ],
    ids=["asked before", "numbered sub-questions", "no new problem", "no empty line"],
)
def test_only_a_new_question_behind_an_empty_line_ends_the_answer(text: str, value: str) -> None:
    assert extract(text) == value
