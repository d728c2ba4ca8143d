//! Assembly: the one file that knows every stage.
