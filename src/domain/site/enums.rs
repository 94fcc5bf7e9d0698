//! The enums of the site file and of the POWERMETER entity: a name in TOML, the source's id in exchanged JSON.

use serde::{Deserialize, Serialize};

macro_rules! enums {
    ($($(#[$doc:meta])* $name:ident { $($id:literal $variant:ident $word:literal $title:literal;)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $(#[doc = $title] #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every one, by id.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The source's id.
            pub fn id(self) -> u8 {
                match self { $(Self::$variant => $id),+ }
            }

            /// Its name in TOML.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What people call it: the source's own name where it has one.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// The one with this name in TOML.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.word() == word)
            }

            /// The one with this id of the source.
            pub fn from_id(id: i64) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| i64::from(known.id()) == id)
            }
        }
    )+};
}

enums! {
    /// Levels of places, from the top down.
    Level {
        1 Building "building" "building";
        2 Floor "floor" "floor";
        3 Room "room" "room";
        4 Rack "rack" "rack";
    }
    /// Where in the power chain a meter sits.
    MeterPoint {
        1 UtilityEntrance "utility-entrance" "Utility Entrance";
        2 MainSwitchgear "main-switchgear" "Main Switchgear";
        3 TransferSwitch "transfer-switch" "ATS / Transfer Switch";
        4 GeneratorOutput "generator-output" "Generator Output";
        5 UpsInput "ups-input" "UPS Input";
        6 UpsOutput "ups-output" "UPS Output";
        7 FloorDistributionBoard "floor-distribution-board" "Floor Distribution Board";
        8 RoomPanelBoard "room-panel-board" "Room Panel Board / RPP";
        9 RackPdu "rack-pdu" "Rack PDU";
        10 BranchCircuit "branch-circuit" "Branch Circuit";
        11 ItLoad "it-load" "IT Load";
        12 MechanicalLoad "mechanical-load" "Mechanical / Cooling Load";
        13 LightingLoad "lighting-load" "Lighting Load";
        14 Virtual "virtual" "Virtual / Calculated";
    }
    /// Status of a meter.
    MeterStatus {
        1 Active "active" "Active";
        2 Planned "planned" "Planned";
        3 Offline "offline" "Offline";
        4 Fault "fault" "Fault";
        5 Decommissioned "decommissioned" "Decommissioned";
    }
    /// Which feed a meter is on.
    FeedPath {
        1 A "a" "A Feed (Utility)";
        2 B "b" "B Feed (UPS/Generator)";
        3 C "c" "C Feed";
        4 Combined "combined" "Combined / Total";
    }
    /// What kind of meter it is.
    MeterType {
        1 Revenue "revenue" "Revenue Grade";
        2 Monitoring "monitoring" "Monitoring Grade";
        3 InlinePdu "inline-pdu" "Inline PDU";
        4 CtClamp "ct-clamp" "CT Clamp";
        5 Virtual "virtual" "Virtual / Calculated";
    }
    /// Accuracy class of IEC 62053.
    AccuracyClass {
        1 Class02S "0.2S" "Class 0.2S (Revenue)";
        2 Class05S "0.5S" "Class 0.5S";
        3 Class1 "1.0" "Class 1.0";
        4 Class2 "2.0" "Class 2.0";
        5 Unknown "unknown" "Unknown";
    }
    /// How a meter is read.
    MeterProtocol {
        1 ModbusTcp "modbus-tcp" "Modbus TCP";
        2 ModbusRtu "modbus-rtu" "Modbus RTU";
        3 Bacnet "bacnet" "BACnet";
        4 Snmp "snmp" "SNMP";
        5 Pulse "pulse" "Pulse Output";
        6 Analog "analog" "Analog 4-20mA";
        7 Api "api" "API / REST";
        8 Manual "manual" "Manual Read";
    }
    /// How a verification of accuracy went.
    VerificationResult {
        1 Pass "pass" "Pass";
        2 Marginal "marginal" "Marginal";
        3 Fail "fail" "Fail";
        4 NotTested "not-tested" "Not Tested";
    }
    /// What flows through a meter.
    Commodity {
        1 Electricity "electricity" "Electricity";
        2 Gas "gas" "Gas";
        3 Water "water" "Water";
        4 Heat "heat" "Heat";
    }
    /// What a controllable device is.
    ControlKind {
        1 Battery "battery" "Battery";
        2 EvCharger "ev-charger" "EV charger";
        3 Thermostat "thermostat" "Thermostat";
        4 Hvac "hvac" "HVAC unit";
        5 PduOutlet "pdu-outlet" "PDU outlet";
        6 Generator "generator" "Generator";
        7 Other "other" "Other";
    }
    /// Parity of a serial line.
    Parity {
        1 None "none" "none";
        2 Even "even" "even";
        3 Odd "odd" "odd";
    }
}
