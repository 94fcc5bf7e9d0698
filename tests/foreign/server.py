"""Modbus devices by another implementation (pymodbus 3.16), on loopback.

Prints one line of JSON: where it listens, and for each unit what it holds, in the words of the site file, with the
value that a reader must find (null: the device has none). Ends when its standard input ends.
"""

import asyncio
import json
import sys

from pymodbus import FramerType
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

TYPES = ModbusClientMixin.DATATYPE
GONE = 9


def words(kind, raw, order="big"):
    """The registers of a raw value, as pymodbus makes them."""
    return ModbusClientMixin.convert_to_registers(raw, TYPES[kind], word_order=order)


def swapped(registers):
    """The registers with the bytes of each the other way round."""
    return [(word & 0xFF) << 8 | word >> 8 for word in registers]


class Unit:
    """A device: four tables, and what a reader must find in them."""

    def __init__(self, number, link, profile=None):
        self.number, self.link, self.profile = number, link, profile
        self.tables = {"coil": {}, "discrete": {}, "holding": {}, "input": {}}
        self.registers = []

    def holds(self, name, table, address, form, content, value):
        """`content` (registers, or one bit) at `address`, which a reader must take for `value`."""
        content = content if isinstance(content, list) else [content]
        for offset, item in enumerate(content):
            assert address + offset not in self.tables[table], f"{name} overlaps"
            self.tables[table][address + offset] = item
        form = f'address = {address}, function = "{table}"' + (f", {form}" if form else "")
        self.registers.append({"name": name, "form": form, "value": value})

    def device(self):
        """The device as pymodbus wants it: each run of addresses is a block, and all others are refused."""
        return SimDevice(
            id=self.number,
            simdata=(
                blocks(self.tables["coil"], DataType.BITS),
                blocks(self.tables["discrete"], DataType.BITS),
                blocks(self.tables["holding"], DataType.REGISTERS),
                blocks(self.tables["input"], DataType.REGISTERS),
            ),
        )


def blocks(table, kind):
    """The table's runs of consecutive addresses; a table needs at least one."""
    runs = []
    for address in sorted(table):
        if runs and runs[-1][0] + len(runs[-1][1]) == address:
            runs[-1][1].append(table[address])
        else:
            runs.append((address, [table[address]]))
    if not runs:
        runs = [(65535, [False if kind is DataType.BITS else 0])]
    return [SimData(address, values=values, datatype=kind) for address, values in runs]


def floats(number, link):
    """A meter that speaks in floating-point numbers, high word first."""
    unit = Unit(number, link)
    form = 'type = "f32", unit = "{}"'
    for name, address, symbol, raw, value in [
        ("voltage_phase_a", 0, "V", 230.125, 230.125),
        ("voltage_phase_b", 2, "V", 231.3, 231.3),
        ("voltage_phase_c", 4, "V", 229.87, 229.87),
        ("amps_phase_a", 6, "A", 16.25, 16.25),
        ("current_kw", 52, "W", 11234.5, 11.2345),
        ("current_kva", 56, "VA", 12000.0, 12.0),
        ("power_factor", 62, "ratio", 0.936, 0.936),
        ("frequency", 70, "Hz", 49.98, 49.98),
        ("neutral_current", 224, "A", float("nan"), None),
        ("demand_kw", 300, "W", float("inf"), None),
    ]:
        unit.holds(name, "input", address, form.format(symbol), words("FLOAT32", raw), value)
    energy = words("FLOAT64", 123456789.125)
    unit.holds("kwh_lifetime", "holding", 801, 'type = "f64", unit = "Wh"', energy, 123456.789125)
    return unit


def integers(number, link):
    """A meter of whole numbers of every width, low word first, with scales."""
    unit = Unit(number, link)
    for name, address, kind, raw, scale, symbol, value in [
        ("voltage_phase_a", 0, "UINT32", 2304, 0.1, "V", 230.4),
        ("amps_phase_a", 12, "INT32", -1500, 0.001, "A", -1.5),
        ("current_kw", 40, "INT32", -123456, 0.1, "W", -12.3456),
        ("kwh_lifetime", 52, "UINT64", 9876543210, 0.01, "kWh", 98765432.1),
        ("kvarh_lifetime", 56, "INT64", -4321, 1, "varh", -4.321),
        ("x_big", 60, "UINT64", 2**53, 1, "count", 2.0**53),
        ("kwh_export_lifetime", 64, "UINT32", 0, 0.1, "kWh", 0.0),
        ("voltage_ab", 66, "UINT32", 0xFFFFFFFF, 0.1, "V", None),
        ("kw_phase_a", 68, "INT32", -(2**31), 0.1, "W", None),
        ("kw_phase_b", 70, "INT32", 2**31 - 1, 0.1, "W", 214748.3647),
    ]:
        kind_in_file = {"U": "u", "I": "i"}[kind[0]] + kind[-2:]
        form = f'type = "{kind_in_file}", words = "little", scale = {scale}, unit = "{symbol}"'
        unit.holds(name, "input", address, form, words(kind, raw, "little"), value)
    return unit


def oddities(number, link):
    """Scale registers, swapped bytes, decimals in nibbles, offsets, sentinels, bits."""
    unit = Unit(number, link)
    scaled = 'type = "i16", scale_register = {}, unit = "{}"'
    unit.holds("current_kw", "holding", 100, scaled.format(102, "W"), [1234, 0, words("INT16", 1)[0]], 12.34)
    unit.holds("voltage", "holding", 110, scaled.format(111, "V"), [23012, words("INT16", -2)[0]], 230.12)
    unit.holds("current_amps", "holding", 120, scaled.format(121, "A"), [55, 0x8000], None)
    swap = 'type = "f32", bytes = "little", unit = "Hz"'
    unit.holds("frequency", "holding", 130, swap, swapped(words("FLOAT32", 60.02)), 60.02)
    unit.holds("gas_m3", "holding", 140, 'type = "bcd32", scale = 0.01, unit = "m3"', [0x0012, 0x3456], 1234.56)
    unit.holds("temperature_c", "holding", 150, 'type = "u16", scale = 0.1, offset = -40, unit = "degC"', [615], 21.5)
    unit.holds("power_factor", "holding", 160, 'type = "i16", scale = 0.001, invalid = [0x7FFF]', [0x7FFF], None)
    unit.holds("water_m3", "holding", 170, 'type = "u16", invalid = [], unit = "L"', [0xFFFF], 65.535)
    unit.holds("voltage_ab", "holding", 180, 'type = "u16", max = 1000, unit = "V"', [4000], None)
    unit.holds("kwh_lifetime", "holding", 65530, 'type = "u32", unit = "MWh"', words("UINT32", 70001), 70001000.0)
    unit.holds("state", "coil", 103, "", True, 1.0)
    unit.holds("x_door", "discrete", 7, 'unit = "count"', False, 0.0)
    return unit


def sunspec(number, link):
    """A SunSpec meter: the list of models at 40000, a common model, and model 203, read with the built-in profile."""
    unit = Unit(number, link, "sunspec-203")
    model = [203, 105] + [0x8000] * 105
    for offset, content in {
        2: [words("INT16", 375)[0], 125, 120, 130, words("INT16", -1)[0]],  # A, its phases, scale
        7: [2301, 2302, 2303, 2298, 3990, 3991, 3992, 3987, words("INT16", -1)[0]],  # V
        16: [5001, words("INT16", -2)[0]],  # Hz
        18: [words("INT16", -830)[0], 0x8000, 0x8000, 0x8000, 1],  # W; no phases
        33: [words("INT16", -961)[0], 0x8000, 0x8000, 0x8000, words("INT16", -1)[0]],  # PF in percent
        38: [0] * 16 + [1],  # Wh exported, imported, scale
        46: words("UINT32", 1234567),
    }.items():
        model[offset : offset + len(content)] = content
    image = words("STRING", "SunS") + [1, 66] + [0] * 66 + model + [0xFFFF, 0]
    unit.tables["holding"] = {40000 + offset: word for offset, word in enumerate(image)}
    unit.registers = [
        {"name": name, "form": None, "value": value}
        for name, value in {
            "current_amps": 37.5,
            "amps_phase_c": 13.0,
            "voltage": 230.1,
            "voltage_ca": 398.7,
            "frequency": 50.01,
            "current_kw": -8.3,
            "kw_phase_a": None,
            "power_factor": -0.961,
            "current_kva": None,
            "kwh_lifetime": 12345.67,
            "kwh_export_lifetime": 0.0,
        }.items()
    ]
    return unit


def without_the_gone(is_sending, packet):
    """Swallows what is asked of the unit that is gone: pymodbus itself would answer for it."""
    return packet if is_sending or packet[6:7] != bytes([GONE]) else b""


async def main():
    """Serves until standard input ends."""
    units = [floats(1, "tcp"), integers(2, "tcp"), oddities(3, "tcp"), sunspec(5, "tcp")]
    units += [floats(4, "rtu"), integers(247, "rtu")]
    ports = {}
    for link, framer in [("tcp", FramerType.SOCKET), ("rtu", FramerType.RTU)]:
        devices = [unit.device() for unit in units if unit.link == link]
        server = ModbusTcpServer(devices, framer=framer, address=("127.0.0.1", 0), trace_packet=without_the_gone)
        await server.serve_forever(background=True)
        ports[link] = server.transport.sockets[0].getsockname()[1]
    described = [
        {"unit": unit.number, "link": unit.link, "profile": unit.profile, "registers": unit.registers}
        for unit in units
    ]
    print(json.dumps({"ports": ports, "gone": GONE, "units": described}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
