//! What simulated devices say: it is what the load model says, and it adds up.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use meterdeck::{
    config::embedded_profiles,
    device::{
        registers::{Decoded, decode},
        simulator::{Clock, Options, Simulator, image::SUNSPEC_START, plant::losses},
    },
    domain::{quantity::Quantity, register::Register, site::MeterPoint},
};
use tokio::{io::AsyncRead, io::AsyncWrite};

use crate::help::{Client, add, device_id, empty_site, meter_id, noon, one_device, standing, tcp};

/// The first register of the second SunSpec model.
const MODEL: u16 = SUNSPEC_START + 70;

async fn value<S: AsyncRead + AsyncWrite + Unpin>(client: &mut Client<S>, register: &Register, base: u16) -> Decoded {
    let function = register.function.code();
    let words = client.read(1, function, register.address + base, register.raw_type.length()).await;
    let words = words.unwrap_or_else(|code| panic!("{} refused: {code}", register.quantity));
    let scale = match register.scale_register {
        Some(address) => Some(client.read(1, function, address + base, 1).await.unwrap()[0]),
        None => None,
    };
    decode(register, &words, scale)
}

/// Every register of every embedded profile decodes to what flows, as exactly as its type can say it.
#[tokio::test]
async fn every_profile_serves_the_load_model() {
    for (id, profile) in embedded_profiles() {
        let mut site = empty_site();
        add(&mut site, "a", tcp("10.0.0.1:502"), 1, id.as_str());
        // Small enough for every profile: the 16 bits of a small PDU end at 65 A.
        site.meters.get_mut(&meter_id("a")).unwrap().rated_capacity_kw = Some(6.0);
        let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
        let mut client = Client::of(&simulator, &site, "a").await;
        let truth = simulator.electrical(&meter_id("a"), noon()).unwrap();
        let base = if profile.sunspec_model.is_some() { MODEL } else { 0 };
        let mut seen = 0;
        for register in profile.registers.iter() {
            let expected = truth.value(&register.quantity, register.unit).unwrap();
            let expected = register.modulus.map_or(expected, |modulus| expected % modulus);
            let Decoded::Value(value) = value(&mut client, register, base).await else {
                panic!("{id} {}: no value, expected {expected}", register.quantity);
            };
            // One step of a whole number (in its unit, up to 0.1), or the 24 bits of a float.
            let step = register.unit.convert(register.scale.abs(), register.reading_unit()).unwrap();
            let tolerance = expected.abs() * 2e-4 + step.min(0.11) * 0.51;
            assert!((value - expected).abs() <= tolerance, "{id} {}: {value}, expected {expected}", register.quantity);
            seen += 1;
        }
        assert!(seen >= 5, "{id} has {seen} values");
        simulator.stop().await;
    }
}

#[tokio::test]
async fn a_sunspec_device_has_a_list_of_models() {
    for (profile, model, length) in [("sunspec-203", 203, 105), ("sunspec-213", 213, 124)] {
        let mut site = empty_site();
        add(&mut site, "a", tcp("10.0.0.1:502"), 1, profile);
        let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
        let mut client = Client::of(&simulator, &site, "a").await;
        assert_eq!(client.read(1, 3, SUNSPEC_START, 4).await.unwrap(), [0x5375, 0x6e53, 1, 66]);
        assert_eq!(client.read(1, 3, MODEL, 2).await.unwrap(), [model, length]);
        assert_eq!(client.read(1, 3, MODEL + 2 + length, 2).await.unwrap(), [0xFFFF, 0]);
        assert_eq!(client.read(1, 3, MODEL + 4 + length, 1).await, Err(2), "nothing after the end");
    }
}

/// A clock that the test moves.
fn moving_clock(start: Timestamp) -> (Clock, Arc<AtomicI64>) {
    let second = Arc::new(AtomicI64::new(start.as_second()));
    let shown = Arc::clone(&second);
    (Clock::new(move || Timestamp::from_second(shown.load(Ordering::SeqCst)).unwrap()), second)
}

fn kwh_and_kw(site: &meterdeck::domain::site::Site) -> (Register, Register) {
    let registers = &site.devices[&device_id("a")].registers;
    let find = |quantity: &Quantity| registers.iter().find(|register| register.quantity == *quantity).unwrap().clone();
    (find(&Quantity::KwhLifetime), find(&Quantity::CurrentKw))
}

/// Over a day and a weekend's begin, the counter moves by the integral of the power that the same device shows.
#[tokio::test]
async fn counters_agree_with_the_integral_of_the_power() {
    let mut site = empty_site();
    add(&mut site, "a", tcp("10.0.0.1:502"), 1, "abb-b23");
    let start: Timestamp = "2026-06-05T06:00:00Z".parse().unwrap();
    let (clock, second) = moving_clock(start);
    let simulator = Simulator::start(&site, &BTreeMap::new(), Options { seed: 3, clock }).await.unwrap();
    let mut client = Client::of(&simulator, &site, "a").await;
    let (kwh, kw) = kwh_and_kw(&site);
    let mut number = async |register: &Register| match value(&mut client, register, 0).await {
        Decoded::Value(value) => value,
        other => panic!("{other:?}"),
    };
    let before = number(&kwh).await;
    let (step, hours) = (20, 30);
    let mut summed = 0.0;
    for _ in 0..hours * 3600 / step {
        second.fetch_add(step / 2, Ordering::SeqCst);
        summed += number(&kw).await * f64::from(i32::try_from(step).unwrap()) / 3600.0;
        second.fetch_add(step - step / 2, Ordering::SeqCst);
    }
    let counted = number(&kwh).await - before;
    assert!((counted - summed).abs() <= counted * 1e-3, "counter {counted} kWh, power {summed} kWh");
    assert!(counted > 40.0 * 0.15 * 30.0, "{counted} kWh in 30 h is no load of a 40 kW panel");
}

/// A counter depends on the time alone, not on when the simulator was started.
#[tokio::test]
async fn counters_survive_a_restart() {
    let site = one_device();
    let mut counters = Vec::new();
    for started in ["2026-06-03T11:00:00Z", "2026-06-01T00:00:00Z"] {
        let (clock, second) = moving_clock(started.parse().unwrap());
        let simulator = Simulator::start(&site, &BTreeMap::new(), Options { seed: 3, clock }).await.unwrap();
        let mut client = Client::of(&simulator, &site, "a").await;
        client.read(5, 4, 0x48, 2).await.unwrap();
        second.store(noon().as_second(), Ordering::SeqCst);
        counters.push(client.read(5, 4, 0x48, 2).await.unwrap());
        simulator.stop().await;
    }
    assert_eq!(counters[0], counters[1]);
    assert_ne!(counters[0], [0, 0]);
}

/// A meter carries what the meters below it carry, and the losses: power, reactive power and energy, with two feeds shared.
#[tokio::test]
async fn a_parent_is_its_children_and_the_losses() {
    let mut site = empty_site();
    for (unit, id, point, fed_by) in [
        (1, "main", MeterPoint::MainSwitchgear, &[][..]),
        (2, "generator", MeterPoint::GeneratorOutput, &[]),
        (3, "ats", MeterPoint::TransferSwitch, &["main", "generator"]),
        (4, "ups-a", MeterPoint::UpsInput, &["ats"]),
        (5, "ups-b", MeterPoint::UpsInput, &["ats"]),
        (6, "rack-1", MeterPoint::RackPdu, &["ups-a", "ups-b"]),
        (7, "rack-2", MeterPoint::RackPdu, &["ups-b"]),
    ] {
        add(&mut site, id, tcp("10.0.0.1:502"), unit, "eastron-sdm630");
        let meter = site.meters.get_mut(&meter_id(id)).unwrap();
        meter.meter_point = point;
        meter.fed_by = fed_by.iter().map(|feeder| meter_id(feeder)).collect();
    }
    let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
    let at = |id: &str| simulator.electrical(&meter_id(id), noon()).unwrap().flow;
    let later = |id: &str| {
        let later = simulator.electrical(&meter_id(id), noon() + SignedDuration::from_hours(5)).unwrap().flow;
        later.kw_seconds - at(id).kw_seconds
    };
    let close = |left: f64, right: f64| assert!((left - right).abs() <= right.abs() * 1e-9, "{left} {right}");
    let ups = 1.0 + losses(MeterPoint::UpsInput);
    close(at("ups-a").total_kw(), at("rack-1").total_kw() / 2.0 * ups);
    close(at("ups-b").total_kw(), (at("rack-1").total_kw() / 2.0 + at("rack-2").total_kw()) * ups);
    close(later("ups-b"), (later("rack-1") / 2.0 + later("rack-2")) * ups);
    let ats = 1.0 + losses(MeterPoint::TransferSwitch);
    close(at("ats").total_kw(), (at("ups-a").total_kw() + at("ups-b").total_kw()) * ats);
    let counter = |id: &str| simulator.electrical(&meter_id(id), noon()).unwrap().kwh();
    close(counter("ups-b"), (counter("rack-1") / 2.0 + counter("rack-2")) * ups);
    let main = 1.0 + losses(MeterPoint::MainSwitchgear);
    close(at("main").total_kw(), at("ats").total_kw() * main);
    close(later("main"), later("ats") * main);
    assert!(at("generator").total_kw().abs() < f64::EPSILON, "the generator stands by");
}

/// The load stays between 20 and 85 % of the rating, over a week, for many devices.
#[tokio::test]
async fn the_load_follows_the_rating() {
    let mut site = empty_site();
    for unit in 1..=40 {
        add(&mut site, &format!("m{unit}"), tcp("10.0.0.1:502"), unit, "eastron-sdm630");
    }
    let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
    for id in site.meters.keys() {
        for hour in 0..7 * 24 {
            let at = noon() + SignedDuration::from_hours(hour);
            let percent = simulator.electrical(id, at).unwrap().flow.total_kw() / 40.0 * 100.0;
            assert!((19.5..=85.5).contains(&percent), "{id}: {percent} %");
        }
    }
}

/// A device that reports secondary values shows what its transformers leave.
#[tokio::test]
async fn secondary_values_are_divided_by_the_transformers() {
    use meterdeck::domain::{register::Reports, site::Transformer};
    let mut site = one_device();
    let meter = site.meters.get_mut(&meter_id("a")).unwrap();
    meter.reports = Reports::Secondary;
    meter.ct_ratio = Some(Transformer { primary: 400.0, secondary: 5.0 });
    let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
    let mut client = Client::of(&simulator, &site, "a").await;
    let words = client.read(5, 4, 52, 2).await.unwrap();
    let watts = f32::from_bits(u32::from(words[0]) << 16 | u32::from(words[1]));
    let truth = simulator.electrical(&meter_id("a"), noon()).unwrap().flow.total_kw() * 1000.0 / 80.0;
    assert!((f64::from(watts) - truth).abs() < truth * 1e-6, "{watts} W, expected {truth} W");
}
