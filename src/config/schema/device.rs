//! Keys of devices and their control points.

use super::{
    super::choice::{DeviceProtocol, words},
    Kind::{Choice, Duration, Integer, Number, Reference, Registers, Switch, Table as SubTable, Text, Texts},
    Table, optional,
    register::{LIMIT, PERMIT, REVERT_TIMER},
    required, seconds,
    site::{EVERY, TIMEOUT},
};
use crate::domain::{
    register::MAX_REGISTERS,
    site::{ControlKind, Parity},
};

const PAUSE: super::Kind = Duration { min: seconds(0), max: seconds(60) };
const HOLD: super::Kind = Duration { min: seconds(0), max: seconds(24 * 3600) };

/// Something with an address and registers.
pub(in super::super) const DEVICE: Table = Table {
    what: "device",
    doc: "Something with an address and registers.",
    keys: &[
        required("protocol", Choice(words::<DeviceProtocol>), "How it is reached."),
        optional("address", Text, "Host and port, such as 10.20.0.11:502; of modbus-tcp and modbus-rtu-over-tcp."),
        optional("serial", Text, "The line's device file, such as /dev/ttyUSB0; of modbus-rtu."),
        optional("baud", Integer { min: 300, max: 1_000_000 }, "Bits a second on the serial line. Default: 19200."),
        optional("parity", Choice(words::<Parity>), "Parity on the serial line. Default: none."),
        optional("stop_bits", Integer { min: 1, max: 2 }, "Stop bits on the serial line. Default: 1."),
        required(
            "unit",
            Integer { min: 0, max: 255 },
            "Unit number (slave address): 1 to 247; modbus-tcp allows 0 and 255 too.",
        ),
        optional("profile", Reference("profile"), "Its register map."),
        optional("registers", Registers, "Registers over the profile's, for all of its meters."),
        optional("every", EVERY, "How often it is read. Default: that of [poll]."),
        optional("timeout", TIMEOUT, "Deadline of one request. Default: that of [poll]."),
        optional(
            "max_registers",
            Integer { min: 1, max: MAX_REGISTERS as i64 },
            "Largest request, in registers. Default: the profile's, else 125.",
        ),
        optional(
            "max_gap",
            Integer { min: 0, max: MAX_REGISTERS as i64 - 1 },
            "Most unused registers read to join two values in one request. Default: the profile's, else 8.",
        ),
        optional("pause_after_connect", PAUSE, "Wait between connecting and the first request. Default: 0s."),
        optional("pause_between", PAUSE, "Least time between two requests. Default: 0s."),
        optional(
            "single_connection",
            Switch,
            "It takes a single connection; changes how a refusal is explained. Default: true.",
        ),
        optional("close_after_poll", Switch, "Give the connection back after each poll. Default: false."),
        optional(
            "busy_retries",
            Integer { min: 0, max: 10 },
            "How often a request is repeated while it is busy. Default: 3.",
        ),
        optional("tags", Texts, "For formulas and costs."),
        optional("control", SubTable(&CONTROL), "The control point, where it takes commands."),
    ],
};

const CONTROL: Table = Table {
    what: "control",
    doc: "The control point of a device that takes commands.",
    keys: &[
        optional("customer_site", Reference("customer_site"), "Which utility meter's site it belongs to."),
        optional("submeter", Reference("submeter"), "The submeter that it is behind."),
        optional("kind", Choice(words::<ControlKind>), "What it is. Default: other."),
        optional("name", Text, "What people call it."),
        optional("meter", Reference("meter"), "The meter that measures this device."),
        optional("expected_kw", Number { min: 0.0, max: f64::MAX }, "What curtailing it saves at most, kW."),
        required("limit", SubTable(&LIMIT), "The register that takes the limit, with its bounds."),
        optional(
            "curtail",
            Number { min: f64::MIN, max: f64::MAX },
            "The limit that means \"as little as possible\", in the limit's own unit.",
        ),
        optional("permit", SubTable(&PERMIT), "A local/remote switch that must read as given."),
        optional("revert_timer", SubTable(&REVERT_TIMER), "A timer after which the device frees itself."),
        optional("min_on", HOLD, "Least time on. Default: none."),
        optional("min_off", HOLD, "Least time off. Default: none."),
        optional("max_calls_per_day", Integer { min: 0, max: 1000 }, "Most calls in a day. Default: no limit."),
        optional(
            "volatile",
            Switch,
            "false: the register is in flash, and writes are counted against a daily budget. Default: false.",
        ),
        optional(
            "ramp_kw_per_minute",
            Number { min: 0.0, max: f64::MAX },
            "Fastest change, kW a minute. Default: no limit.",
        ),
        optional("jitter", HOLD, "Random delay of a start, at most. Default: none."),
    ],
};
