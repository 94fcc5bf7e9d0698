//! Profiles: register maps of types of devices, embedded in the program or beside the site file.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use super::{
    fields::Fields,
    problems::{Problem, Problems, Sink, Source, Spot},
    registers,
    schema::register::PROFILE,
    tree,
};
use crate::domain::{
    ids::ProfileId,
    register::{MAX_REGISTERS, Order, Profile},
};

/// Unused registers that are read along to join two values in one request, where nothing else is said.
pub const DEFAULT_MAX_GAP: u16 = 8;

macro_rules! embedded {
    ($($id:literal)*) => {
        /// Id and text of every profile in `config/profiles`, in alphabetical order.
        const EMBEDDED: &[(&str, &str)] =
            &[$(($id, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/profiles/", $id, ".toml")))),*];
    };
}

embedded! {
    "abb-b23"
    "abb-m4m"
    "accuenergy-acuvim-ii"
    "carlo-gavazzi-em24"
    "carlo-gavazzi-em24-din"
    "carlo-gavazzi-em340"
    "eastron-sdm120"
    "eastron-sdm630"
    "eltako-dsz16"
    "janitza-b23"
    "janitza-umg604"
    "janitza-umg96rm"
    "lovato-dmg610"
    "netio-powerpdu-4ps"
    "raritan-px3-inlet"
    "schneider-iem3155"
    "schneider-pm5560"
    "siemens-pac1600"
    "siemens-pac2200"
    "siemens-pac3200"
    "socomec-diris-a10"
    "socomec-diris-b30"
    "sunspec-203"
    "sunspec-213"
    "veris-e51"
    "wattnode"
}

static PROFILES: LazyLock<BTreeMap<ProfileId, Arc<Profile>>> = LazyLock::new(|| {
    // A test holds that every embedded profile is valid; one that is not would only be unknown.
    let profiles = EMBEDDED.iter().filter_map(|(id, text)| parse(id, &format!("{id}.toml"), text).ok());
    profiles.map(|profile| (profile.id.clone(), Arc::new(profile))).collect()
});

/// The profiles that are built in.
pub fn embedded_profiles() -> &'static BTreeMap<ProfileId, Arc<Profile>> {
    &PROFILES
}

/// Reads a profile. `file_name` is shown in problems.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(id: &str, file_name: &str, text: &str) -> Result<Profile, Problems> {
    let sink = Sink::default();
    let source = Source { name: file_name.to_owned(), folder: PathBuf::new(), text: text.to_owned() };
    let profile = read(id, &Arc::new(source), &sink);
    sink.finish(&[file_name.to_owned()], profile).map(|(profile, _)| profile)
}

/// Reads a profile and records what is wrong.
pub(super) fn read(id: &str, source: &Arc<Source>, sink: &Sink) -> Option<Profile> {
    let spot = Spot { source: Arc::clone(source), span: 0..0 };
    let id = ProfileId::new(id);
    if let Err(error) = &id {
        sink.add(Problem::error(&spot, "the file's name is not an id").help(format!("rename the file: {error}")));
    }
    let table = tree::parse(source, sink)?;
    let fields = Fields::new(sink, &table, &spot, "the profile", &PROFILE);
    let words: Order = fields.choice("words").unwrap_or_default();
    let read = registers::read_all(&fields, "registers", words);
    registers::overlap::check_all(sink, &read);
    let max_registers = fields.integer("max_registers").unwrap_or(MAX_REGISTERS);
    for register in read.iter().filter(|register| register.value.raw_type.length() > max_registers) {
        let message = format!("`{}` takes more than `max_registers`", register.value.quantity);
        sink.add(Problem::error(&register.spot, message).help(format!("write a type of at most {max_registers}")));
    }
    let mut registers: Vec<_> = read.into_iter().map(|register| register.value).collect();
    registers.sort_by(|a, b| a.quantity.cmp(&b.quantity));
    Some(Profile {
        id: id.ok()?,
        title: fields.text("title")?,
        manufacturer: fields.text("manufacturer")?,
        source: fields.text("source")?,
        published_base: fields.integer("published_base"),
        verified: fields.switch("verified").unwrap_or(false),
        max_registers,
        max_gap: fields.integer("max_gap").unwrap_or(DEFAULT_MAX_GAP),
        reports: fields.choice("reports").unwrap_or_default(),
        sunspec_model: fields.integer("sunspec_model"),
        registers: registers.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::domain::{
        quantity::Quantity,
        register::{Encoding, Function, RawType, Reports},
        unit::Unit,
    };

    #[test]
    fn every_profile_in_the_folder_is_embedded_and_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/profiles");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let in_folder: BTreeSet<String> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        let embedded: BTreeSet<String> = EMBEDDED.iter().map(|(id, _)| (*id).to_owned()).collect();
        assert_eq!(embedded, in_folder, "list every file of config/profiles in config/profile.rs");
        for (id, text) in EMBEDDED {
            if let Err(problems) = parse(id, &format!("{id}.toml"), text) {
                panic!("{problems}");
            }
        }
        assert_eq!(embedded_profiles().len(), EMBEDDED.len());
    }

    #[test]
    fn a_profile_is_read_with_all_its_keys() {
        let profile = parse(
            "acme-1",
            "acme-1.toml",
            r#"
title = "Acme One"
manufacturer = "Acme"
source = "acme.example/registers"
published_base = 1
max_registers = 80
words = "little"
reports = "secondary"
sunspec_model = 203

[registers]
voltage = { address = 3, function = "input", type = "f32", unit = "mV" }
"#,
        );
        let problems = profile.unwrap_err();
        assert_eq!(problems.as_slice().len(), 1, "{problems}");
        let problem = &problems.as_slice()[0];
        assert_eq!((problem.line, problem.column), (Some(12), Some(67)), "{problems}");

        let profile = parse(
            "acme-1",
            "acme-1.toml",
            r#"
title = "Acme One"
manufacturer = "Acme"
source = "acme.example/registers"
published_base = 1
max_registers = 80
max_gap = 0
words = "little"
reports = "secondary"
sunspec_model = 203

[registers]
kwh_lifetime = { address = 72, function = "holding", type = "u32", unit = "Wh", modulus = 10_000, words = "big" }
current_kw = { address = 3, function = "input", type = "i32", unit = "W", scale = 0.1, invalid = [-1, 0x7FFF_FFFF] }
power_factor = { address = 8, function = "input", type = "f32", encoding = "four-quadrant", min = -2, max = 2 }
state = { address = 1, function = "coil" }
x_serial = { address = 100, function = "holding", type = "string:8" }
"#,
        )
        .unwrap();
        assert_eq!((profile.max_registers, profile.max_gap, profile.published_base), (80, 0, Some(1)));
        assert_eq!((profile.reports, profile.sunspec_model, profile.verified), (Reports::Secondary, Some(203), false));
        let names: Vec<_> = profile.registers.iter().map(|register| register.quantity.toml_name()).collect();
        assert_eq!(names, ["current_kw", "power_factor", "kwh_lifetime", "state", "x_serial"]);
        let power = &profile.registers[0];
        assert_eq!((power.words, power.unit, power.scale), (Order::Little, Unit::Watt, 0.1));
        assert_eq!(power.invalid, Some(vec![0xFFFF_FFFF, 0x7FFF_FFFF]));
        assert_eq!(profile.registers[1].encoding, Encoding::FourQuadrant);
        let energy = &profile.registers[2];
        assert_eq!((energy.words, energy.modulus, energy.function), (Order::Big, Some(10_000.0), Function::Holding));
        assert_eq!(profile.registers[3].raw_type, RawType::Bit);
        assert_eq!(profile.registers[4].quantity, Quantity::Extra("x_serial".into()));
        assert_eq!(profile.registers[4].raw_type, RawType::Text(8));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let problems = parse(
            "acme",
            "acme.toml",
            r#"title = "Acme"
manufacturer = 5
word = "big"
max_registers = 126

[registers]
curent_kw = { address = 1, function = "input", type = "f32" }
voltage = { address = 10, function = "input", type = "f32", scale = 0 }
frequency = { address = 11, function = "input", type = "u16" }
load_percent = { address = 20, function = "input", type = "u16" }
x_door = { address = 65535, function = "holding", type = "u32" }
current_kva = { function = "hold", type = "u15", unit = "kW", min = 2, max = 1, modulus = 5 }
kvarh_lifetime = { address = 30, function = "input", type = "u16", invalid = [65536] }
"#,
        )
        .unwrap_err();
        let found: Vec<_> =
            problems.as_slice().iter().map(|problem| (problem.line.unwrap(), &*problem.message)).collect();
        assert_eq!(
            found,
            [
                (1, "the profile has no `source`"),
                (2, "`manufacturer` is a whole number, and should be text in quotes"),
                (3, "unknown key `word` in the profile"),
                (4, "`max_registers` cannot be 126"),
                (7, "`curent_kw` is not a quantity"),
                (8, "`scale` cannot be 0"),
                (9, "`frequency` (11) overlaps `voltage` (10 to 11)"),
                (10, "`load_percent` is computed, never read from a register"),
                (11, "register `x_door` has no `unit`"),
                (11, "2 registers from 65535 go past 65535"),
                (12, "register `current_kva` has no `address`"),
                (12, "`hold` is not a function"),
                (12, "`current_kva` cannot be in kW"),
                (12, "`min` 2 is above `max` 1"),
                (12, "`current_kva` has no `modulus`"),
                (13, "this is no raw value of 16 bits"),
            ]
        );
    }
}
