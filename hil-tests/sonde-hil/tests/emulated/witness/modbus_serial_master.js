// Makes the calls that come in on stdin, one JSON object a line, and prints what modbus-serial understood of each answer.
//
// Arguments: "pty" and a serial port, or "tcp" and the port of the device server; the unit id.
"use strict";

const readline = require("readline");
const ModbusRTU = require("modbus-serial");

const [kind, place, unit] = process.argv.slice(2);
const master = new ModbusRTU();

async function connect() {
    if (kind === "pty") {
        await master.connectRTUBuffered(place, { baudRate: 115200 });
    } else {
        await master.connectTelnet("127.0.0.1", { port: Number(place) });
    }
    master.setID(Number(unit));
    // A busy machine is no reason to give up: a lost answer has to show.
    master.setTimeout(20000);
}

const calls = {
    read_coils: ({ address, count }) => master.readCoils(address, count),
    read_holding_registers: ({ address, count }) => master.readHoldingRegisters(address, count),
    read_input_registers: ({ address, count }) => master.readInputRegisters(address, count),
    write_register: ({ address, value }) => master.writeRegister(address, value),
    write_registers: ({ address, values }) => master.writeRegisters(address, values),
    read_device_information: ({ read_code }) => master.readDeviceIdentification(read_code, 0),
};

async function understood({ call, ...what }) {
    try {
        const answer = await calls[call](what);
        if (call.startsWith("read_device")) {
            return { information: answer.data };
        }
        return call.startsWith("read") ? { registers: answer.data } : { written: answer };
    } catch (error) {
        return error.modbusCode ? { exception: error.modbusCode } : { error: error.message };
    }
}

async function main() {
    await connect();
    for await (const line of readline.createInterface({ input: process.stdin })) {
        console.log(JSON.stringify(await understood(JSON.parse(line))));
    }
    master.close(() => process.exit(0));
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
