//! What to type next: from a refusal and the place where the user stands to a command. Pure.
