//! `docs/profiles.md`: what is built in, as tables for people.

use std::fmt::Write as _;

use meterdeck::domain::register::{Encoding, Function, Order, Profile, RawType, Register};

/// The whole document.
pub(crate) fn document<'profiles>(profiles: impl Iterator<Item = &'profiles Profile> + Clone) -> String {
    let mut text = String::from(
        "# Built-in register maps\n\n\
         Made from `config/profiles/*.toml` by `METERDECK_UPDATE_DOCS=1 cargo test --test profiles`; do not edit.\n\n\
         Addresses are zero-based protocol addresses; in SunSpec maps they count from the model's id register. No map\n\
         was tried on the hardware yet: compare the first readings with the meter's display. A meter's `registers` in\n\
         the site file override single lines, and a file in `profiles/` beside the site file replaces a whole map.\n\n\
         | profile | device | words | longest request | values |\n|---|---|---|---|---|\n",
    );
    for profile in profiles.clone() {
        let words = match profile.registers.first().map(|register| register.words) {
            Some(Order::Little) => "low first",
            _ => "high first",
        };
        let (id, title, longest, values) =
            (&profile.id, &profile.title, profile.max_registers, profile.registers.len());
        line(&mut text, format_args!("| [{id}](#{id}) | {title} | {words} | {longest} | {values} |"));
    }
    for profile in profiles {
        one(&mut text, profile);
    }
    text
}

fn one(text: &mut String, profile: &Profile) {
    line(text, format_args!("\n## {}\n\n{}. {}.\n", profile.id, profile.title, profile.source));
    if let Some(model) = profile.sunspec_model {
        line(text, format_args!("SunSpec model {model}, found by walking the device's list of models.\n"));
    }
    text.push_str("| quantity | table | address | type | unit | range |\n|---|---|---|---|---|---|\n");
    for register in profile.registers.iter() {
        let (quantity, table, address) = (&register.quantity, table(register.function), register.address);
        let (kind, unit, range) = (kind(register), register.unit.symbol(), range(register));
        line(text, format_args!("| {quantity} | {table} | {address} (0x{address:04X}) | {kind} | {unit} | {range} |"));
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").unwrap();
}

fn table(function: Function) -> &'static str {
    match function {
        Function::Holding => "holding",
        Function::Input => "input",
        Function::Coil => "coil",
        Function::Discrete => "discrete",
    }
}

/// The type with what is done to its number.
fn kind(register: &Register) -> String {
    let name = match register.raw_type {
        RawType::Text(length) => format!("string:{length}"),
        known => format!("{known:?}").to_lowercase(),
    };
    let mut kind = name;
    #[expect(clippy::float_cmp, reason = "exactly what a map without a scale has")]
    if register.scale != 1.0 {
        write!(kind, " × {}", register.scale).unwrap();
    }
    if let Some(scale) = register.scale_register {
        write!(kind, " × 10^[{scale}]").unwrap();
    }
    if register.encoding == Encoding::FourQuadrant {
        kind.push_str(", four-quadrant");
    }
    kind
}

/// The range in the quantity's own unit, and where a counter starts again.
fn range(register: &Register) -> String {
    let unit = register.reading_unit().symbol();
    let mut range = match (register.min, register.max) {
        (Some(min), Some(max)) => format!("{min} to {max} {unit}"),
        (Some(min), None) => format!("from {min} {unit}"),
        (None, Some(max)) => format!("to {max} {unit}"),
        (None, None) => String::new(),
    };
    if let Some(modulus) = register.modulus {
        write!(range, ", starts again at {modulus} {unit}").unwrap();
    }
    range
}
