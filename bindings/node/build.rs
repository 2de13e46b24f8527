//! Linker options for addons of Node, which differ by platform.

fn main() {
    napi_build::setup();
}
