//! Who is connected: the presence list and its version.
