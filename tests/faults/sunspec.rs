//! Finding a SunSpec model on a device, over loopback.

use std::time::Duration;

use meterdeck::{
    device::{
        bus::Bus as _,
        modbus::{Connection, Options},
        sunspec,
    },
    domain::{fault::FaultKind, site::Link},
};

use crate::server::{Act, Asked, Device, Frames};

const DEADLINE: Duration = Duration::from_secs(5);

/// A device with a common model and model 203 from 50000; it refuses other addresses with `code`.
async fn meter(code: u8) -> Device {
    let word = |address: u16| match address {
        50_000 => Some(0x5375),
        50_001 => Some(0x6E53),
        50_002 => Some(1),
        50_003 => Some(66),
        50_070 => Some(203),
        50_071 => Some(105),
        50_177 => Some(0xFFFF),
        50_178 => Some(0),
        _ => None,
    };
    Device::start(Frames::Mbap, move |asked: &Asked| {
        let words: Option<Vec<u16>> = (0..asked.count).map(|offset| word(asked.address + offset)).collect();
        vec![Act::Send(words.map_or_else(|| asked.exception(code), |words| asked.with(&words)))]
    })
    .await
}

async fn find(device: &Device, model: u16) -> Result<u16, FaultKind> {
    let link = Link::ModbusTcp { address: device.address.to_string() };
    let mut bus = Connection::new(link, Options::default());
    bus.connect(DEADLINE).await.unwrap();
    sunspec::find(&mut bus, 7, model, DEADLINE).await.map_err(|fault| fault.kind)
}

#[tokio::test]
async fn a_model_is_found_past_refused_addresses() {
    for code in [2, 3, 4] {
        let device = meter(code).await;
        assert_eq!(find(&device, 203).await, Ok(50_070), "refused with {code}");
        assert_eq!(device.requests().iter().map(|asked| (asked.unit, asked.count)).max(), Some((7, 2)));
        assert_eq!(device.connections(), 1, "a refusal is an answer");
    }
}

#[tokio::test]
async fn a_missing_model_and_a_silent_device_are_told_apart() {
    assert_eq!(find(&meter(2).await, 213).await, Err(FaultKind::ModelMissing));
    let busy = Device::start(Frames::Mbap, |asked| vec![Act::Send(asked.exception(6))]).await;
    assert_eq!(find(&busy, 203).await, Err(FaultKind::Busy));
    let closing = Device::start(Frames::Mbap, |_| vec![Act::Close]).await;
    let fault = find(&closing, 203).await.unwrap_err();
    assert!(!fault.is_answer(), "{fault:?}");
}
