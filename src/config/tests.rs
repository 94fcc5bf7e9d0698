use std::{path::Path, time::Duration};

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::domain::{
    quantity::Quantity,
    register::{RawType, Reports},
    site::{
        Commodity, Level, Link, MeterPoint, MeterProtocol, MeterStatus, MeterType, Parity, PlaceKey, VerificationResult,
    },
    unit::Unit,
};

const GOOD: &str = include_str!("../../tests/check/good/site.toml");

fn good() -> Loaded {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/good/site.toml"))
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// Line and message of each problem of a file that has `[site]` in front, on its lines 1 to 4.
fn problems(text: &str) -> Vec<(usize, String)> {
    let text = format!("[site]\nname = \"S\"\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\n{text}");
    let problems = parse("site.toml", &text).map(|loaded| loaded.site).unwrap_err();
    let errors = problems.as_slice().iter().filter(|problem| problem.severity == Severity::Error);
    errors.map(|problem| (problem.line.unwrap(), problem.message.clone())).collect()
}

fn expect(text: &str, expected: &[(usize, &str)]) {
    let found = problems(text);
    let found: Vec<(usize, &str)> = found.iter().map(|(line, message)| (*line, message.as_str())).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_whole_site_is_read() {
    let loaded = good();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(loaded.files.len(), 3, "{:?}", loaded.files);
    assert_eq!(loaded.simulate["incomer"]["silent"], toml::Value::Boolean(true));
    let site = loaded.site;
    assert_eq!(
        (site.name.as_str(), site.time_zone.as_str(), site.currency.as_str()),
        ("Northgate Campus", "Europe/Amsterdam", "EUR")
    );
    assert_eq!(site.cost_per_kwh, Some(Decimal::new(2140, 4)));
    assert!(
        site.data_dir.ends_with("tests/check/good/data"),
        "relative to the file that names it: {:?}",
        site.data_dir
    );
    assert_eq!((site.keep_samples, site.demand_interval), (Duration::from_hours(30 * 24), Duration::from_mins(30)));
    assert_eq!(site.access.unwrap().operators.as_deref(), Some("meterdeck-op"));
    let rack = PlaceKey::try_from("rack.r07".to_owned()).unwrap();
    assert_eq!(site.places[&rack].name, "r07");
    assert_eq!(site.places[&rack].parent.as_ref().unwrap().level, Level::Room);
    assert_eq!(site.places.len(), 7);
    assert_eq!(site.profiles.keys().map(crate::domain::ids::ProfileId::as_str).collect::<Vec<_>>(), ["acme-9"]);
    assert_eq!(site.submeters["carpark"].customer_site.as_str(), "northgate");
    let customer_site = &site.customer_sites["northgate"];
    assert_eq!(
        (customer_site.profile["area_m2"].as_i64(), customer_site.profile["solar"].as_bool()),
        (Some(1200), Some(true))
    );
    let evidence = site.duplicates_measured.unwrap();
    assert_eq!((evidence.tolerance_percent, evidence.coverage_percent), (2.0, 99.0));
}

#[test]
fn devices_have_links_behaviour_and_control() {
    let site = good().site;
    let incomer = &site.devices["incomer"];
    assert_eq!(incomer.link, Link::ModbusTcp { address: "10.20.0.11:502".into() });
    assert_eq!((incomer.every, incomer.timeout), (Duration::from_secs(1), Duration::from_millis(500)));
    assert_eq!(
        (incomer.behaviour.max_registers, incomer.behaviour.max_gap, incomer.behaviour.busy_retries),
        (60, 0, 1)
    );
    assert!(incomer.behaviour.close_after_poll && !incomer.behaviour.single_connection);
    let line = &site.devices["line-3"];
    let serial = Link::ModbusRtu { serial: "/dev/ttyUSB0".into(), baud: 9600, parity: Parity::Even, stop_bits: 1 };
    assert_eq!((&line.link, line.unit, line.behaviour.max_registers), (&serial, 3, 80));
    let control = line.control.as_ref().unwrap();
    assert_eq!((control.limit.address, control.limit.scale, control.step), (2000, 0.1, Some(0.1)));
    assert_eq!((control.limit.min, control.limit.max, control.limit.unit), (Some(0.0), Some(22.0), Unit::Kilowatt));
    let permit = control.permit.as_ref().unwrap();
    assert_eq!((permit.register.address, permit.register.raw_type, permit.equals), (2010, RawType::I16, 1.0));
    let timer = control.revert_timer.as_ref().unwrap();
    assert_eq!((timer.register.unit, timer.value), (Unit::Second, 120.0));
    assert_eq!(
        (control.min_on, control.ramp_kw_per_minute, control.jitter),
        (Some(Duration::from_mins(5)), None, None)
    );
    let pdu = &site.devices["pdu-1"];
    assert_eq!(pdu.link, Link::ModbusRtuOverTcp { address: "gateway.local:4001".into() });
    let read: Vec<_> = pdu.registers.iter().map(|register| (register.quantity.toml_name(), register.address)).collect();
    assert_eq!(read, [("current_kw", 52), ("current_kw", 152), ("voltage_phase_a", 0), ("kwh_lifetime", 72)]);
}

#[test]
fn meters_have_their_fields() {
    let site = good().site;
    let main = &site.meters["main"];
    assert_eq!((main.meter_point, main.status), (MeterPoint::UtilityEntrance, MeterStatus::Active));
    assert_eq!((main.protocol, main.ip_address.as_deref()), (Some(MeterProtocol::ModbusTcp), Some("10.20.0.11")));
    assert_eq!(main.ct_ratio.map(|ratio| (ratio.primary, ratio.secondary)), Some((400.0, 5.0)));
    assert_eq!((main.cost_per_kwh, main.currency.as_deref()), (Some(Decimal::new(31, 2)), Some("USD")));
    assert_eq!(main.maintenance.install_date, Some(jiff::civil::date(2021, 6, 1)));
    assert_eq!(main.maintenance.verification_result, Some(VerificationResult::NotTested));
    assert_eq!(main.description.as_deref(), Some("The main incomer.\nLocked with key 4."));
    assert_eq!(main.registers.len(), 2);
    let pdu = &site.meters["pdu-b"];
    assert_eq!(
        (pdu.reports, pdu.meter_point, pdu.status),
        (Reports::Secondary, MeterPoint::RackPdu, MeterStatus::Planned)
    );
    assert_eq!(pdu.place.as_ref().map(|place| place.level), Some(Level::Rack));
    let power: Vec<_> = pdu.registers.iter().filter(|register| register.quantity == Quantity::CurrentKw).collect();
    assert_eq!((power.len(), power[0].address, power[0].max), (1, 152, Some(50.0)));
    assert_eq!(pdu.fed_by.len(), 2);
    let gas = &site.meters["gas"];
    assert_eq!((gas.commodity, gas.protocol, gas.device.as_ref()), (Commodity::Gas, Some(MeterProtocol::Manual), None));
    let it = &site.meters["it"];
    assert_eq!((it.meter_type, it.status), (Some(MeterType::Virtual), MeterStatus::Active));
    assert!(it.formula.is_some());
}

#[test]
fn the_least_site_has_the_defaults() {
    let text = "[site]\nname = \"S\"\ntime_zone = \"europe/amsterdam\"\ncurrency = \"EUR\"\n\
                [device.a]\nprotocol = \"modbus-tcp\"\naddress = \"h:1\"\nunit = 255\n";
    let loaded = parse("site.toml", text).unwrap();
    assert_eq!(loaded.warnings.len(), 1, "a device that nothing is read from");
    let device = &loaded.site.devices["a"];
    assert_eq!((device.every, device.timeout, device.unit), (Duration::from_secs(1), Duration::from_secs(1), 255));
    assert_eq!((device.behaviour.max_registers, device.behaviour.max_gap, device.behaviour.busy_retries), (125, 8, 3));
    assert!(device.behaviour.single_connection && !device.behaviour.close_after_poll);
    assert_eq!(loaded.site.time_zone, "Europe/Amsterdam", "the zone's own name");
    assert_eq!(loaded.site.keep_samples, Duration::from_hours(400 * 24));
    assert_eq!(loaded.site.access, None);
}

#[test]
fn the_site_table_is_checked() {
    let problems =
        parse("site.toml", "[site]\nname = \"\"\ntime_zone = \"Amsterdam\"\ncurrency = \"eur\"\ncost_per_kwh = 0.2\n")
            .unwrap_err();
    let found: Vec<_> = problems
        .as_slice()
        .iter()
        .map(|problem| (problem.message.as_str(), problem.help.as_deref().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("`name` is empty", "write a text, or leave the key out"),
            ("`Amsterdam` is not a time zone", "did you mean \"Europe/Amsterdam\"?"),
            ("`eur` is not a currency", "write the ISO 4217 code in capital letters; did you mean \"EUR\"?"),
            (
                "`cost_per_kwh` is a number, and should be a decimal number in quotes, such as \"0.2140\"",
                "write a decimal number in quotes, such as \"0.2140\""
            ),
        ]
    );
    assert_eq!(parse("site.toml", "").unwrap_err().as_slice()[0].message, "the file has no `site`");
}

#[test]
fn spans_and_groups_have_limits() {
    expect(
        "[poll]\nevery = \"10ms\"\ntimeout = \"2h\"\ndemand_interval = \"20m\"\n[storage]\nkeep_samples = \"400\"\n[access]\noperators = \"a b\"\n",
        &[
            (6, "`every` cannot be 10ms"),
            (7, "`timeout` cannot be 2h"),
            (8, "`demand_interval` cannot be 20m"),
            (10, "`400` is not a time span"),
            (12, "`a b` is not the name of a group"),
            (12, "`operators` without `viewers` reach nothing"),
        ],
    );
}

#[test]
fn places_have_one_parent_that_exists() {
    expect(
        "[building.north]\n[building.south]\n[floor.n1]\nbuilding = \"nort\"\n[floor.n2]\n[floor.n3]\nbuilding = \"north\"\n\
         [room.a]\nfloor = \"n3\"\nbuilding = \"south\"\n[room.b]\n[rack.r]\nfloor = \"n3\"\n[building.Up]\n",
        &[
            (8, "there is no building `nort`"),
            (9, "floor `n2` has no `building`"),
            (14, "room `a` has two parents"),
            (15, "room `b` has no `floor`"),
            (18, "`Up` is not an id"),
        ],
    );
}

const PLACES: &str = "[building.n]\n[building.s]\n[floor.n1]\nbuilding = \"n\"\n";

#[test]
fn meters_are_checked_in_themselves() {
    expect(
        &format!(
            "{PLACES}[meter.a]\nname = \"A\"\nmeter_point = \"rack-pud\"\nstatus = 9\nbuilding = \"s\"\nfloor = \"n1\"\n\
             ct_ratio = \"400\"\nwarning_threshold_percent = 90\ncritical_threshold_percent = 80\nrated_capacity_kw = 0\n\
             [meter.b]\nname = \"B\"\nmeter_point = 1\nstatus = 1\nvoltage_high_threshold = 200\nvoltage_low_threshold = 207\n\
             meter_type = \"virtual\"\n[meter.c]\nname = \"B\"\nmeter_point = 1\nstatus = 1\nformula = \"5 * b\"\ndevice = \"d\"\n\
             utility_meter = [1]\ninstall_date = \"soon\"\n"
        ),
        &[
            (11, "`rack-pud` is not a meter point"),
            (12, "9 is not a status"),
            (13, "meter `a` cannot be in floor `n1` and in building `s`"),
            (15, "`400` is not a ratio"),
            (16, "the warning at 90 % comes after the critical load of 80 %"),
            (18, "`rated_capacity_kw` cannot be 0"),
            (19, "meter `b` has no `formula`"),
            (24, "`voltage_low_threshold` 207 is not below `voltage_high_threshold` 200"),
            (27, "two meters have the name `B`"),
            (31, "a virtual meter has no `device`"),
            (31, "there is no device `d`"),
            (32, "`utility_meter` is a whole number, and should be text in quotes"),
            (33, "`install_date` is text, and should be a date without quotes, such as 2021-06-01"),
        ],
    );
}

#[test]
fn contradicting_places_and_circles_are_named() {
    let meter = |id: &str, more: &str| format!("[meter.{id}]\nname = \"{id}\"\nmeter_point = 1\nstatus = 1\n{more}\n");
    let text = [
        PLACES.to_owned(),
        meter("a", "building = \"s\"\nfloor = \"n1\""),
        meter("b", "fed_by = [\"c\"]"),
        meter("c", "fed_by = [\"b\", \"a\", \"d\"]"),
        meter("d", "fed_by = [\"d\", \"e\"]"),
        meter("v-1", "formula = \"v_2 * 2\""),
        meter("v-2", "formula = \"v_1 + a\""),
        meter("v-3", "formula = \"a + v_2 + x\""),
        meter("v-4", "formula = \"a + 1\""),
        meter("v-5", "formula = 'sum(\"t\")'\ntags = [\"t\"]"),
    ]
    .concat();
    expect(
        &text,
        &[
            (13, "meter `a` cannot be in floor `n1` and in building `s`"),
            (19, "meters feed each other in a circle: `b` → `c` → `b`"),
            (24, "a meter has one feed, or two (A and B)"),
            (29, "meters feed each other in a circle: `d` → `d`"),
            (29, "there is no meter `e`"),
            (34, "formulas need each other in a circle: `v-1` → `v-2` → `v-1`"),
            (44, "there is no meter `x`"),
            (49, "units do not fit: kW and a bare number are added"),
            (54, "formulas need each other in a circle: `v-5` → `v-5`"),
        ],
    );
}

#[test]
fn devices_are_checked_against_each_other() {
    expect(
        "[device.a]\nprotocol = \"modbus-tcp\"\naddress = \"H:502\"\nunit = 1\n\
         [device.b]\nprotocol = \"modbus-tcp\"\naddress = \"h:502\"\nunit = 1\n\
         [device.c]\nprotocol = \"modbus-rtu-over-tcp\"\naddress = \"h:502\"\nunit = 0\n\
         [device.d]\nprotocol = \"modbus-rtu\"\naddress = \"h:502\"\nunit = 2\n\
         [device.e]\nprotocol = \"modbus-rtu\"\nserial = \"/dev/t\"\nunit = 2\n\
         [device.f]\nprotocol = \"modbus-rtu\"\nserial = \"/dev/t\"\nunit = 3\nbaud = 9600\n\
         [device.g]\nprotocol = \"modbus-tpc\"\naddress = \"10.0.0.1\"\nprofile = \"none-such-device\"\n",
        &[
            (12, "device `a` and device `b` are both unit 1 of h:502"),
            (16, "no device on a line can be unit 0"),
            (17, "device `d` has no `serial`"),
            (19, "`address` does not go with this protocol"),
            (27, "device `e` and device `f` use /dev/t in different ways"),
            (30, "device `g` has no `unit`"),
            (31, "`modbus-tpc` is not a protocol"),
            (33, "there is no profile `none-such-device`"),
        ],
    );
}

#[test]
fn overlapping_registers_of_a_device_are_found_over_its_meters() {
    let meter = |id: &str, register: &str| {
        format!(
            "[meter.{id}]\nname = \"{id}\"\nmeter_point = 1\nstatus = 1\ndevice = \"a\"\n[meter.{id}.registers]\n{register}\n"
        )
    };
    let device = "[device.a]\nprotocol = \"modbus-tcp\"\naddress = \"h:502\"\nunit = 1\nmax_registers = 3\n";
    let text = [
        device.to_owned(),
        meter("m", "current_kw = { address = 10, function = \"input\", type = \"u32\" }"),
        meter("n", "current_kw = { address = 11, function = \"input\", type = \"u32\" }"),
        meter("o", "current_kw = { address = 10, function = \"input\", type = \"u32\" }"),
        meter("p", "kwh_lifetime = { address = 30, function = \"input\", type = \"u64\" }"),
    ]
    .concat();
    expect(
        &text,
        &[
            (9, "`kwh_lifetime` takes 4 registers, more than `max_registers` 3"),
            (23, "`current_kw` (11 to 12) overlaps `current_kw` (10 to 11)"),
        ],
    );
}

#[test]
fn control_points_are_checked() {
    expect(
        "[customer_site.s]\nmeters = [\"m\", \"m\"]\n[customer_site.t]\nprofile = { a = [1] }\n[submeter.u]\ncustomer_site = \"t\"\n\
         [device.a]\nprotocol = \"modbus-tcp\"\naddress = \"h:502\"\nunit = 1\n[device.a.control]\ncustomer_site = \"s\"\n\
         submeter = \"u\"\nkind = \"charger\"\nlimit = { address = 1, unit = \"kW\", min = 5, max = 22, function = \"input\" }\n\
         curtail = 0\npermit = { equals = 1 }\nrevert_timer = { address = 5, unit = \"kW\", value = 0 }\nmin_on = 5\n\
         [duplicates]\nmeasured = { tolerance_percent = 101 }\n[simulate.b]\n[account.x]\nemail_address = \"nobody\"\n",
        &[
            (6, "there is no meter `m`"),
            (6, "there is no meter `m`"),
            (8, "`a` is a list, and should be text, a number or true or false"),
            (16, "the submeter is part of customer site `t`, not of `s`"),
            (18, "`charger` is not a kind"),
            (19, "this table cannot be written"),
            (20, "`curtail` 0 is outside the limit's 5 to 22 kW"),
            (21, "permit of control of device `a` has no `address`"),
            (22, "a time cannot be in kW"),
            (22, "`value` cannot be 0"),
            (23, "`min_on` is a whole number, and should be a time span from 0s to 1d, in quotes, such as \"1s\""),
            (25, "`tolerance_percent` cannot be 101"),
            (26, "there is no device `b`"),
            (28, "`nobody` is not an address for mail"),
        ],
    );
}

#[test]
fn hidden_characters_and_broken_toml_are_said() {
    expect("[building.a]\nname = \"x\u{202e}y\"\n", &[(6, "`name` holds the hidden character U+202E")]);
    let found = problems("[building.a]\nname = \"x\nname = 5 5\n[building.a]\n");
    assert!(found.len() >= 3, "{found:?}");
    expect(
        "[building.a]\n[building.a]\nnaem = 1\n",
        &[(6, "duplicate key"), (7, "unknown key `naem` in building `a`")],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_mangled_file_gives_a_site_or_a_problem(edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, any::<u8>()), 1..6)) {
        let mut bytes = GOOD.replace("meters.d/*.toml", "").into_bytes();
        for (index, what, byte) in edits {
            let at = index.index(bytes.len());
            match what {
                0 => { bytes.remove(at); }
                1 => bytes.insert(at, byte),
                _ => bytes[at] = byte,
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Err(problems) = parse("site.toml", &text) {
            prop_assert!(problems.as_slice().iter().any(|problem| problem.severity == Severity::Error));
            prop_assert!(problems.render(true).contains("error"));
            for problem in problems.as_slice() {
                let line = problem.line.unwrap();
                prop_assert!(line <= text.lines().count() + 1, "line {} of {:?}", line, problem);
            }
        }
    }
}
