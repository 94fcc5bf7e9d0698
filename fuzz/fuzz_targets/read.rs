//! Reads a file to its end, and holds what comes out to what was promised.

use meterdeck::{
    exchange::statements::{Found, Reader},
    text,
};

/// Reads `bytes` as a file of statements.
pub(crate) fn read(bytes: &[u8]) {
    for is_lines in [false, true] {
        let Ok(mut reader) = Reader::new(bytes, "fuzz", is_lines) else { continue };
        while let Ok(Some(found)) = reader.next_document() {
            check(&found);
        }
    }
}

fn check(found: &Found) {
    for reading in found.parts.iter().flat_map(|part| &part.readings) {
        assert!(reading.period.start < reading.period.end, "{reading:?}");
        assert!(!reading.meter.short().is_empty(), "{reading:?}");
        assert!(!reading.meter.to_string().contains(text::is_hidden), "{reading:?}");
        assert!(reading.provider.iter().all(|name| !name.contains(text::is_hidden)), "{reading:?}");
        assert!(reading.usage.as_ref().is_none_or(|usage| *usage.unit() == reading.unit), "{reading:?}");
    }
    for remark in found.rejected.iter().chain(&found.cleaned) {
        assert!(!remark.reason.is_empty() && !remark.reason.contains(text::is_hidden), "{remark:?}");
    }
}
