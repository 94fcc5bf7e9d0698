//! The usages of meter details.
#![no_main]

mod read;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let document = [br#"{"meterId":"m","usages":"#.as_slice(), bytes, b"}"].concat();
    read::read(&document);
});
