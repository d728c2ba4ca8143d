//! The gateway from outside: real processes on loopback, driven by a client that is not the product's own.

mod bad_frames;
mod bad_params;
mod damaged_state;
mod device_proof;
mod failing_disk;
mod flood;
mod greeting;
mod hostile;
mod http;
mod lifecycle;
mod methods;
mod metrics;
mod origin;
mod pairing;
mod refusals;
mod reload;
mod secrets;
mod sequence;
mod start_settings;
mod support;
mod throttle;
mod tls;
mod unix_socket;
mod upgrade;
mod whoami;
mod without_device;
