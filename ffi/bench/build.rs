//! Compiles the loop in C.

fn main() {
    println!("cargo:rerun-if-changed=src/loop.c");
    cc::Build::new().file("src/loop.c").include("../include").opt_level(2).compile("loop");
}
