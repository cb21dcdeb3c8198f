//! Modbus calls as types: the request PDU of each, and what counts as its answer.

use protocol::modbus::function::Function;
use protocol::modbus::{MAX_READ, MAX_READ_WRITE, MAX_WRITE};

/// One request to one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    ReadHolding { address: u16, quantity: u16 },
    WriteSingle { address: u16, value: u16 },
    WriteMultiple { address: u16, values: Vec<u8> },
    ReadWrite { read: u16, quantity: u16, write: u16, values: Vec<u8> },
    Echo { nonce: u16 },
    ServerId,
    Identification { from: u8 },
}

/// A quantity that no frame can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfRange {
    pub(crate) what: &'static str,
    pub(crate) found: usize,
    pub(crate) most: u16,
}

impl Call {
    pub(crate) fn function(&self) -> Function {
        match self {
            Self::ReadHolding { .. } => Function::ReadHoldingRegisters,
            Self::WriteSingle { .. } => Function::WriteSingleRegister,
            Self::WriteMultiple { .. } => Function::WriteMultipleRegisters,
            Self::ReadWrite { .. } => Function::ReadWriteRegisters,
            Self::Echo { .. } => Function::Diagnostics,
            Self::ServerId => Function::ReportServerId,
            Self::Identification { .. } => Function::ReadDeviceIdentification,
        }
    }

    /// Refuses what does not fit a frame, before it is sent.
    pub(crate) fn check(&self) -> Result<(), OutOfRange> {
        let within = |what, found: usize, most: u16| {
            if (1..=usize::from(most)).contains(&found) { Ok(()) } else { Err(OutOfRange { what, found, most }) }
        };
        // Half a register counts as one too many.
        let registers = |values: &[u8]| if values.len().is_multiple_of(2) { values.len() / 2 } else { usize::MAX };
        match self {
            Self::ReadHolding { quantity, .. } => within("registers to read", usize::from(*quantity), MAX_READ),
            Self::WriteMultiple { values, .. } => within("registers to write", registers(values), MAX_WRITE),
            Self::ReadWrite { quantity, values, .. } => {
                within("registers to read", usize::from(*quantity), MAX_READ)?;
                within("registers to write", registers(values), MAX_READ_WRITE)
            }
            Self::WriteSingle { .. } | Self::Echo { .. } | Self::ServerId | Self::Identification { .. } => Ok(()),
        }
    }

    /// The request PDU.
    pub(crate) fn emit(&self) -> Vec<u8> {
        let mut pdu = vec![self.function().code()];
        let mut word = |value: u16| pdu.extend(value.to_be_bytes());
        match self {
            Self::ReadHolding { address, quantity } => [*address, *quantity].into_iter().for_each(word),
            Self::WriteSingle { address, value } => [*address, *value].into_iter().for_each(word),
            Self::Echo { nonce } => [0, *nonce].into_iter().for_each(word),
            Self::ServerId => {}
            Self::Identification { from } => pdu.extend([14, 1, *from]),
            Self::WriteMultiple { address, values } => {
                [*address, values.len() as u16 / 2].into_iter().for_each(word);
                pdu.push(values.len() as u8);
                pdu.extend(values);
            }
            Self::ReadWrite { read, quantity, write, values } => {
                [*read, *quantity, *write, values.len() as u16 / 2].into_iter().for_each(&mut word);
                pdu.push(values.len() as u8);
                pdu.extend(values);
            }
        }
        pdu
    }

    /// What the unit said, when `pdu` is an answer to this very call: the data without function code, counts and echoes.
    /// `None` when it answers something else.
    pub(crate) fn accept(&self, pdu: &[u8]) -> Option<Vec<u8>> {
        let (&function, data) = pdu.split_first()?;
        if function != self.function().code() {
            return None;
        }
        match self {
            Self::ReadHolding { quantity, .. } | Self::ReadWrite { quantity, .. } => {
                let (&count, values) = data.split_first()?;
                let good = usize::from(count) == values.len() && values.len() == 2 * usize::from(*quantity);
                good.then(|| values.to_vec())
            }
            Self::WriteSingle { .. } | Self::Echo { .. } => (pdu == self.emit()).then(Vec::new),
            Self::WriteMultiple { .. } => (pdu == &self.emit()[..5]).then(Vec::new),
            Self::ServerId => {
                let (&count, values) = data.split_first()?;
                (usize::from(count) == values.len()).then(|| values.to_vec())
            }
            Self::Identification { .. } => (data.first() == Some(&14)).then(|| data[1..].to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_the_bytes_of_the_specification() {
        // Modbus application protocol V1.1b3, the examples of sections 6.3, 6.6, 6.12 and 6.17.
        let bytes = |call: Call| call.emit();
        assert_eq!(bytes(Call::ReadHolding { address: 0x6B, quantity: 3 }), [3, 0, 0x6B, 0, 3]);
        assert_eq!(bytes(Call::WriteSingle { address: 1, value: 3 }), [6, 0, 1, 0, 3]);
        let values = vec![0, 0x0A, 1, 2];
        assert_eq!(bytes(Call::WriteMultiple { address: 1, values }), [16, 0, 1, 0, 2, 4, 0, 0x0A, 1, 2]);
        let values = vec![0, 0xFF, 0, 0xFF, 0, 0xFF];
        let call = Call::ReadWrite { read: 3, quantity: 6, write: 14, values };
        assert_eq!(call.emit(), [23, 0, 3, 0, 6, 0, 14, 0, 3, 6, 0, 0xFF, 0, 0xFF, 0, 0xFF]);
        assert_eq!(bytes(Call::Echo { nonce: 0xA537 }), [8, 0, 0, 0xA5, 0x37]);
        assert_eq!(bytes(Call::Identification { from: 0 }), [43, 14, 1, 0]);
    }

    #[test]
    fn an_answer_of_another_length_or_place_is_not_accepted() {
        let read = Call::ReadHolding { address: 0, quantity: 2 };
        assert_eq!(read.accept(&[3, 4, 0, 1, 0, 2]), Some(vec![0, 1, 0, 2]));
        assert_eq!(read.accept(&[3, 2, 0, 1]), None);
        assert_eq!(read.accept(&[3, 4, 0, 1]), None);
        assert_eq!(read.accept(&[4, 4, 0, 1, 0, 2]), None);
        let write = Call::WriteMultiple { address: 7, values: vec![1, 2] };
        assert_eq!(write.accept(&[16, 0, 7, 0, 1]), Some(vec![]));
        assert_eq!(write.accept(&[16, 0, 8, 0, 1]), None);
        assert_eq!(Call::Echo { nonce: 1 }.accept(&[8, 0, 0, 0, 2]), None);
    }

    #[test]
    fn quantities_beyond_a_frame_are_refused() {
        let read = |quantity| Call::ReadHolding { address: 0, quantity }.check().is_ok();
        let write = |bytes| Call::WriteMultiple { address: 0, values: vec![0; bytes] }.check().is_ok();
        assert_eq!([0, 1, 125, 126].map(read), [false, true, true, false]);
        assert_eq!([0, 1, 2, 246, 248].map(write), [false, false, true, true, false]);
    }

    proptest! {
        #[test]
        fn any_answer_is_answered(pdu in proptest::collection::vec(any::<u8>(), 0..260), quantity in 1_u16..=125) {
            for call in [
                Call::ReadHolding { address: 1, quantity },
                Call::WriteSingle { address: 1, value: 2 },
                Call::WriteMultiple { address: 1, values: vec![1, 2] },
                Call::Echo { nonce: 5 },
                Call::ServerId,
                Call::Identification { from: 0 },
            ] {
                let _ = call.accept(&pdu);
            }
        }
    }
}
