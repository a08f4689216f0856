"""What judges an answer: one file for each kind of answer."""
