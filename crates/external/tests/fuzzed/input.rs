//! Random bytes, taken for decisions.

pub(crate) struct Input<'bytes>(pub(crate) &'bytes [u8]);

impl<'bytes> Input<'bytes> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// 0 at its end.
    pub(crate) fn number(&mut self) -> usize {
        self.byte().map_or(0, usize::from)
    }

    /// So many bytes, or what is left.
    pub(crate) fn bytes(&mut self, count: usize) -> &'bytes [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// Zeros at its end.
    pub(crate) fn u64(&mut self) -> u64 {
        let mut value = [0; 8];
        let bytes = self.bytes(8);
        value[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(value)
    }

    pub(crate) fn u32(&mut self) -> u32 {
        let [b0, b1, b2, b3, ..] = self.u64().to_le_bytes();
        u32::from_le_bytes([b0, b1, b2, b3])
    }
}
