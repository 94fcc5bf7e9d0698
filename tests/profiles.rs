//! The register maps that are built in: complete, free of contradictions, right at known addresses, and documented.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has nothing to say")]

use std::{collections::BTreeMap, fs, path::Path};

use meterdeck::{
    config::profile::embedded_profiles,
    device::registers::{Decoded, decode, encode},
    domain::register::{Encoding, Function, MAX_REGISTERS, Profile, RawType, Register},
};

#[path = "profiles/document.rs"]
mod document;
#[path = "profiles/known.rs"]
mod known;

/// Least number of known values for each profile.
const KNOWN_PER_PROFILE: usize = 3;

fn register<'profile>(profile: &'profile Profile, row: &known::Known) -> &'profile Register {
    profile.registers.iter().find(|register| register.quantity == row.1).unwrap()
}

#[test]
fn raw_words_at_known_addresses_are_the_values_that_they_are() {
    let mut rows_of: BTreeMap<&str, usize> = BTreeMap::new();
    for row in known::KNOWN {
        let (id, quantity, function, address, words, exponent, value) = row;
        let register = register(&embedded_profiles()[*id], row);
        assert_eq!((register.function, register.address), (*function, *address), "{id} {quantity}");
        assert_eq!(register.scale_register.is_some(), exponent.is_some(), "{id} {quantity}");
        let decoded = decode(register, words, exponent.map(i16::cast_unsigned));
        assert_eq!(decoded, Decoded::Value(*value), "{id} {quantity}");
        *rows_of.entry(id).or_default() += 1;
    }
    for id in embedded_profiles().keys() {
        let rows = rows_of.get(id.as_str()).copied().unwrap_or_default();
        assert!(rows >= KNOWN_PER_PROFILE, "{id} has {rows} known values");
    }
}

#[test]
fn every_file_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/profiles");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let built_in: Vec<&str> = embedded_profiles().keys().map(meterdeck::domain::ids::ProfileId::as_str).collect();
    assert_eq!(built_in, files);
}

#[test]
fn no_two_values_share_a_register() {
    for (id, profile) in embedded_profiles() {
        let mut owners: BTreeMap<(Function, u32), &Register> = BTreeMap::new();
        for register in profile.registers.iter() {
            for address in u32::from(register.address)..register.end() {
                let other = owners.insert((register.function, address), register);
                assert!(other.is_none(), "{id}: {} and {}", register.quantity, other.unwrap().quantity);
            }
        }
        for register in profile.registers.iter() {
            let scale = register.scale_register.map(|scale| (register.function, u32::from(scale)));
            assert!(scale.is_none_or(|scale| !owners.contains_key(&scale)), "{id}: {}", register.quantity);
        }
    }
}

#[test]
fn every_profile_says_where_it_comes_from_and_what_can_be() {
    for (id, profile) in embedded_profiles() {
        assert!(!profile.title.is_empty() && !profile.manufacturer.is_empty() && profile.source.len() > 20, "{id}");
        assert!(profile.published_base.is_some_and(|base| base <= 1), "{id}");
        assert!(!profile.verified, "{id}: nobody tried it on the hardware yet");
        assert!((4..=MAX_REGISTERS).contains(&profile.max_registers), "{id}");
        for register in profile.registers.iter() {
            let what = format!("{id}: {}", register.quantity);
            assert!(register.min.is_some(), "{what} has no smallest value");
            assert!(register.max.is_some() || register.quantity.is_counter(), "{what} has no largest value");
            assert!(register.modulus.is_none() || register.quantity.is_counter(), "{what} does not count");
        }
    }
}

#[test]
fn every_register_takes_a_value_and_gives_it_back() {
    for (id, profile) in embedded_profiles() {
        for register in profile.registers.iter() {
            let what = format!("{id}: {}", register.quantity);
            let value = register.max.map_or(20.0, |max| (max / 4.0).min(20.0));
            let scale_word = register.scale_register.map(|_| 0);
            let Decoded::Value(back) = decode(register, &encode(register, Some(value), 0), scale_word) else {
                unreachable!("{what}: {value} is no value")
            };
            assert!((back - value).abs() <= value * 0.01, "{what}: {value} came back as {back}");
            let none = decode(register, &encode(register, None, 0), scale_word);
            assert_eq!(none, Decoded::NotAvailable, "{what}");
            assert!(!matches!(register.raw_type, RawType::Text(_) | RawType::Bit), "{what} is a number");
            assert!(register.encoding == Encoding::Plain || register.raw_type == RawType::F32, "{what}");
        }
    }
}

/// `docs/profiles.md` is made from the files: with `METERDECK_UPDATE_DOCS` set it is written, else compared.
#[test]
fn the_documentation_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profiles.md");
    let fresh = document::document(embedded_profiles().values().map(AsRef::as_ref));
    if std::env::var_os("METERDECK_UPDATE_DOCS").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == fresh, "run METERDECK_UPDATE_DOCS=1 cargo test --test profiles");
}
