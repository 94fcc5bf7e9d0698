//! Which requests read a device (pure): as few as its limits allow.
