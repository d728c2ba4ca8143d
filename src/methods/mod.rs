//! Stage 5: the method table and its handlers.
