//! What can go wrong between this program and a device, in words that a technician can act on.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! fault_kinds {
    ($($variant:ident $code:literal $title:literal $advice:literal;)+) => {
        /// The kinds of faults, counted for each device.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FaultKind {
            $(#[doc = $title] $variant,)+
        }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its stable code, for logs and JSON.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// Its name on screen.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// What to do about it.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice),+ }
            }
        }
    };
}

fault_kinds! {
    NoAnswer "no_answer" "NO ANSWER" "Check power and cable of the device, its unit number, and baud rate and parity on a serial line.";
    WrongTransaction "wrong_transaction" "GATEWAY RETURNS WRONG IDs" "The gateway does not repeat the transaction id. Update its firmware, or use modbus-rtu-over-tcp if it offers that.";
    WrongUnit "wrong_unit" "ANSWER FROM ANOTHER UNIT" "Two devices may have the same unit number, or the gateway maps numbers. Check both.";
    BadReply "bad_reply" "BAD REPLY" "The device answered another function than was asked. Check the profile's function, or the gateway.";
    WrongLength "wrong_length" "WRONG LENGTH" "The device returned more or fewer registers than were asked. Lower max_registers in the site file.";
    NotModbus "not_modbus" "NOT MODBUS" "What answers at this address does not speak Modbus TCP. Check the port, or use modbus-rtu-over-tcp.";
    CutOff "cut_off" "CUT OFF" "The connection ended in the middle of an answer. Check the network, or the gateway's time-out.";
    Closed "closed" "CLOSED BY DEVICE" "The device closed the connection. It may allow a single client, or few at a time.";
    Refused "refused" "REFUSED" "Nothing listens at this address. Check port and firewall, that Modbus TCP is switched on, and that no other client has the only connection.";
    Reset "reset" "RESET" "The device reset the connection. It may allow a single client, or be restarting.";
    SlotTaken "slot_taken" "ANOTHER CLIENT HOLDS THE DEVICE" "The device takes a single connection, and someone else has it. Close the other client, or set close_after_poll there.";
    NoLink "no_link" "NO LINK?" "No route to the device. Check cable, switch port and address.";
    Unresolved "unresolved" "NAME NOT FOUND" "The host name does not resolve. Check its spelling and the name server, or write the address.";
    SerialMissing "serial_missing" "NO SERIAL LINE" "The serial device cannot be opened. Check that the adapter is plugged in, and that the user is in the group dialout.";
    Garbled "garbled" "GARBLED" "Bytes arrived that are no valid frame. Check baud rate, parity, termination and polarity of the line.";
    Busy "busy" "BUSY" "The device is busy. Poll it less often, or let busy_retries be higher.";
    GatewayNoReply "gateway_no_reply" "GATEWAY: NO REPLY" "The gateway reached nobody with this unit number. Check the device behind it.";
    IllegalFunction "illegal_function" "FUNCTION REFUSED" "The device does not know the function. Check the profile: holding or input.";
    IllegalAddress "illegal_address" "ADDRESS REFUSED" "The device does not have this register. Check the profile's address, and whether it counts from 0 or 1.";
    IllegalValue "illegal_value" "LENGTH REFUSED" "The device refuses the request's length. Lower max_registers in the site file.";
    Exception "exception" "DEVICE ERROR" "The device reports an error of its own. See its manual for the code.";
    ModelMissing "model_missing" "NO SUCH MODEL" "The device has no such SunSpec model. Check the profile.";
    Implausible "implausible" "VALUE IMPLAUSIBLE" "Values contradict each other. Check word order and address of the profile.";
    InputMissing "input_missing" "INPUT MISSING" "A meter that the formula needs has no value. See what is wrong with that one.";
    Other "other" "ERROR" "See the log for details.";
}

impl FaultKind {
    /// Whether the device itself answered: it is there, and only this request failed.
    pub fn is_answer(self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::IllegalFunction
                | Self::IllegalAddress
                | Self::IllegalValue
                | Self::Exception
                | Self::ModelMissing
                | Self::Implausible
        )
    }

    /// Whether the whole connection is concerned, not only one unit on it.
    pub fn is_of_connection(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Reset | Self::SlotTaken | Self::NoLink | Self::Unresolved | Self::SerialMissing
        )
    }
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// The particulars, cleaned: "after 1.0 s", "asked 4 registers, got 2"; may be empty.
    pub detail: String,
}

impl Fault {
    /// A fault with its particulars.
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() {
            formatter.write_str(self.kind.title())
        } else {
            write!(formatter, "{} {}", self.kind.title(), self.detail)
        }
    }
}

impl std::error::Error for Fault {}
