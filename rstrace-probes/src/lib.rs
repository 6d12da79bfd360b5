//! The plug-ins of rstrace.
