// Command archive builds libairlock.a for this platform and puts it where the package links it from. It is what go
// generate runs, in a clone; it needs cargo, make, a C compiler and GNU binutils.
package main

import (
	"crypto/sha256"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("go generate: ")
	root, err := filepath.Abs("../..")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "ffi", "Makefile")); err != nil {
		log.Fatal("the library is built from a clone of the repository, in bindings/go")
	}
	target := os.Getenv("CARGO_TARGET_DIR")
	if target == "" {
		target = filepath.Join(root, "target")
	}
	build := filepath.Join(target, "capi", "std")
	archive := filepath.Join(build, "libairlock.a")
	make := exec.Command("make", "--no-print-directory", "-C", filepath.Join(root, "ffi"), "STD=1", "BUILD="+build, archive)
	make.Stdout, make.Stderr = os.Stderr, os.Stderr
	if err := make.Run(); err != nil {
		log.Fatal(err)
	}
	built, err := os.ReadFile(archive)
	if err != nil {
		log.Fatal(err)
	}
	platform := runtime.GOOS + "_" + runtime.GOARCH
	folder := filepath.Join("lib", platform)
	// Go does not see that an archive changed, but that a package did.
	stamp := fmt.Sprintf("package %s\n\nconst _ = \"%x\"\n", platform, sha256.Sum256(built))
	if err := os.WriteFile(filepath.Join(folder, "libairlock.a"), built, 0o644); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "stamp.go"), []byte(stamp), 0o644); err != nil {
		log.Fatal(err)
	}
}
