"""The methods by name: what ``evaluate.methods`` lists and the rows' ``method`` says.

- ``shifted_thinking_window``: the hint is put in at the budget, with grace at the end of the line; then the answer.
- ``two_pass``: Z1's own code (``eval/*/reasoning.py``): a first pass of at most the budget; where that has not
  ended, the hint and a second pass with answer tokens of its own. There is no grace.
- ``budget_forcing``: s1's (arXiv 2501.19393, section 3.1): at the budget, the end-of-thinking delimiter and "Final
  Answer:" are put in. Thinking that stops before is left as it is. A model without tags has no delimiter.
- ``budget_forcing_wait``: the same, and thinking that stops before the budget goes on: its end is taken away and
  "Wait" put in, as often as it takes. So every run thinks for exactly the budget.
- ``tag_capped``: the tag that closes thinking is put in at the budget; for models that think between tags.
- ``uncapped``: one run with all the context, whatever it takes: a single point.
- ``majority``: the answer that most of several uncapped samples give. At a budget there are as many of them as fit
  into the window's limit there, which is budget, grace, hint and answer tokens: they are drawn one after the
  other, and the first that does not fit into what is left ends the drawing. If not even one fits, it is cut at the
  limit and stands alone. There is one vote for a problem, of at most 64 samples.

All but the window and ``uncapped`` have no point without a cap.
"""

WINDOW = "shifted_thinking_window"
TWO_PASS = "two_pass"
BUDGET_FORCING = "budget_forcing"
BUDGET_FORCING_WAIT = "budget_forcing_wait"
TAG_CAPPED = "tag_capped"
UNCAPPED = "uncapped"
MAJORITY = "majority"

METHODS = (WINDOW, TWO_PASS, BUDGET_FORCING, BUDGET_FORCING_WAIT, TAG_CAPPED, UNCAPPED, MAJORITY)
