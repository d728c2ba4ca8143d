//! Bytes with which a connection begins on a listener that requires a PROXY preamble.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_fuzz::{
    defaults::MAX_PREAMBLE_BYTES,
    source::preamble::{Preamble, Progress, parse},
};

fuzz_target!(|data: &[u8]| {
    let whole = parse(data);
    match whole {
        Ok(Progress::NeedsMore) => assert!(data.len() < MAX_PREAMBLE_BYTES),
        Ok(Progress::Done { preamble, consumed }) => {
            assert!(consumed <= data.len().min(MAX_PREAMBLE_BYTES));
            assert_eq!(parse(&data[..consumed]), whole);
            if let Preamble::Client(client) = preamble {
                assert_eq!(client.ip(), client.ip().to_canonical());
                assert!(!client.ip().is_unspecified() && !client.ip().is_multicast());
            }
        }
        Err(_) => {}
    }
    // What was told of a beginning holds for what follows it.
    for end in (0..data.len()).step_by(1 + data.len() / 64) {
        match parse(&data[..end]) {
            Ok(Progress::NeedsMore) => {}
            told => assert_eq!(told.is_ok(), whole.is_ok()),
        }
    }
});
