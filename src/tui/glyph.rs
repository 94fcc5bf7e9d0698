//! The characters that the screens are drawn with: Unicode, or ASCII only.
