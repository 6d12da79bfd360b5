//! Infrared receivers and transmitters: LIRC devices.

use rstrace_core::describe::{Case, Type};
use rstrace_core::flags::{Choices, FlagSet};

use super::{encoded, requests};
use crate::syscall::types::*;

static FEATURES: FlagSet = set!("LIRC_CAN_???", LIRC_CAN_SEND_PULSE LIRC_CAN_SEND_LIRCCODE LIRC_CAN_SET_SEND_CARRIER
    LIRC_CAN_SET_SEND_DUTY_CYCLE LIRC_CAN_SET_TRANSMITTER_MASK LIRC_CAN_REC_MODE2 LIRC_CAN_REC_SCANCODE
    LIRC_CAN_REC_LIRCCODE LIRC_CAN_SET_REC_CARRIER LIRC_CAN_MEASURE_CARRIER LIRC_CAN_USE_WIDEBAND_RECEIVER
    LIRC_CAN_SET_REC_TIMEOUT LIRC_CAN_GET_REC_RESOLUTION LIRC_CAN_SET_REC_CARRIER_RANGE);
static MODES: Choices = choices!("LIRC_MODE_???", LIRC_MODE_RAW LIRC_MODE_PULSE LIRC_MODE_MODE2 LIRC_MODE_SCANCODE
    LIRC_MODE_LIRCCODE);

static FEATURE_SET: Type = flags(&FEATURES);
static MODE: Type = choice(&MODES);
static MASK: Type = HEX32;

pub const REQUESTS: &[Case] = requests! {
    LIRC_SET_SEND_MODE: encoded(&MODE),
    LIRC_SET_REC_MODE: encoded(&MODE),
    LIRC_SET_SEND_CARRIER: encoded(&U32),
    LIRC_SET_REC_CARRIER: encoded(&U32),
    LIRC_SET_SEND_DUTY_CYCLE: encoded(&U32),
    LIRC_SET_TRANSMITTER_MASK: encoded(&MASK),
    LIRC_SET_REC_TIMEOUT: encoded(&U32),
    LIRC_SET_REC_TIMEOUT_REPORTS: encoded(&U32),
    LIRC_SET_MEASURE_CARRIER_MODE: encoded(&U32),
    LIRC_SET_REC_CARRIER_RANGE: encoded(&U32),
    LIRC_SET_WIDEBAND_RECEIVER: encoded(&U32),
    LIRC_GET_FEATURES: encoded(&FEATURE_SET),
    LIRC_GET_SEND_MODE: encoded(&MODE),
    LIRC_GET_REC_MODE: encoded(&MODE),
    LIRC_GET_REC_RESOLUTION: encoded(&U32),
    LIRC_GET_MIN_TIMEOUT: encoded(&U32),
    LIRC_GET_MAX_TIMEOUT: encoded(&U32),
    LIRC_GET_LENGTH: encoded(&U32),
    LIRC_GET_REC_TIMEOUT: encoded(&U32),
};
