//! The accounts of the legacy export.
#![no_main]

mod read;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let document = [br#"{"accounts":"#.as_slice(), bytes, b"}"].concat();
    read::read(&document);
});
