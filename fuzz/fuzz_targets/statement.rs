//! The accounts of a statement.
#![no_main]

mod read;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let document = [br#"{"id":"s","statementDate":"2023-02-05","accountData":"#.as_slice(), bytes, b"}"].concat();
    read::read(&document);
});
