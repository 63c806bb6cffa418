"""Final answers: finding them in a text, and one file per kind of answer with the rule that compares them."""
