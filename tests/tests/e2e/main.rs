//! End-to-end tests of the built command. One program, so that a virtual machine needs one file; there it runs
//! with `--test-threads=1`. What a machine lacks is skipped with a line `SKIP test: reason`.

mod attaching;
mod backends;
mod call_fixtures;
mod children;
mod decoding;
mod descriptors;
mod errors;
mod filters;
mod formats;
mod hard_calls;
mod hostile_stacks;
mod json;
mod kill_on_exit;
mod launching;
mod ledger;
mod letting_go;
mod library;
mod lines;
mod loading;
mod lossless;
mod names;
mod opensnoop;
mod options;
mod order;
mod same_run;
mod shown;
mod stacks;
mod statistics;
mod tracer;
