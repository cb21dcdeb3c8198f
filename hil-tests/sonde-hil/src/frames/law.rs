//! When an output may be on: a second opinion, that shares no code with the firmware but the register map.

use protocol::channel::ChannelId;
use protocol::registers::{At, ChannelRegister, RegisterId, at};

/// A master that is silent for longer has lost its right, milliseconds: the limit, and the time to act on it.
const SILENCE_MS: u64 = 1_000 + 200;

/// What has been ordered so far.
#[derive(Debug, Clone)]
pub(super) struct Law {
    /// Channels that may be on, bit 0 = channel 1: a legal start came, and nothing has ended it.
    pub(super) may: u8,
    enabled: bool,
    emergency: bool,
    inhibited: u8,
    heard_ms: u64,
}

/// One register that a request writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Write {
    pub(super) address: u16,
    pub(super) value: u16,
}

impl Write {
    pub(super) fn is_emergency_stop(self) -> bool {
        self.address == RegisterId::EmergencyStop.address() && self.value != 0
    }
}

impl Law {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { may: 0, enabled: true, emergency: false, inhibited: 0, heard_ms: now_ms }
    }

    /// The unit has taken a request of its master.
    pub(super) fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
    }

    /// The unit has taken this write. What is wrong with that.
    pub(super) fn obeyed(&mut self, write: Write) -> Option<String> {
        let At::Register { register, .. } = at(write.address) else {
            return Some(format!("took {write:04x?}, where nothing can be written"));
        };
        match register.id {
            RegisterId::EmergencyStop => self.emergency = write.value != 0,
            RegisterId::GlobalEnable => self.enabled = write.value != 0,
            RegisterId::TestStartInhibit => self.inhibited = write.value as u8,
            RegisterId::SystemReset => self.may = 0,
            RegisterId::Channel(channel, ChannelRegister::StartStop) => return self.switched(channel, write.value),
            _ => {}
        }
        self.may &= self.allowed();
        None
    }

    fn switched(&mut self, channel: ChannelId, value: u16) -> Option<String> {
        if value == 0 {
            self.may &= !channel.bit();
            return None;
        }
        if self.allowed() & channel.bit() == 0 {
            return Some(format!("took a start of channel {channel} that was forbidden: {self:?}"));
        }
        self.may |= channel.bit();
        None
    }

    /// Channels that nothing forbids.
    fn allowed(&self) -> u8 {
        if self.emergency || !self.enabled { 0 } else { 0b1111 & !self.inhibited }
    }

    /// What is wrong with these outputs now, if anything; `before` is what they were.
    pub(super) fn judge(&mut self, before: u8, on: u8, now_ms: u64) -> Option<String> {
        if now_ms - self.heard_ms > SILENCE_MS {
            self.may = 0;
        }
        // Whatever has stopped a channel: only another start brings it back.
        self.may &= !(before & !on);
        let wrong = on & !self.may;
        (wrong != 0).then(|| format!("outputs {wrong:#06b} are on without a legal start: {self:?}"))
    }
}
