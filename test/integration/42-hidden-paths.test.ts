import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { notWith } from "./support/runtime.ts";

t.test(
  "a masked file reads as empty, a masked directory is empty, both cannot be written",
  async (t) => {
    const c = prepare(t, (config) => {
      config.linux.maskedPaths = ["/opt/file", "/opt/directory", "/proc/version"];
      config.process.args = shell(
        "cat /opt/file /proc/version; ls -A /opt/directory; stat -c '%t:%T' /opt/file; touch /opt/directory/x",
      );
    });
    fill(c.rootfs);
    const { stdout, stderr } = c.run();
    t.equal(stdout, "1:3\n");
    t.match(stderr, /opt\/directory\/x: Read-only file system/);
  },
);

t.test("what is to be masked or read-only may be missing", async (t) => {
  const c = prepare(t, (config) => {
    config.linux.maskedPaths = ["/nowhere", "/proc/nowhere/at/all"];
    config.linux.readonlyPaths = ["/nowhere", "/proc/nowhere/at/all"];
    config.process.args = ["echo", "ok"];
  });
  t.match(c.run(), { status: 0, stdout: "ok\n", stderr: "" });
});

t.test("read-only paths: what is below cannot be written, the rest can", async (t) => {
  const c = prepare(t, (config) => {
    config.linux.readonlyPaths = ["/opt/directory", "/opt/file", "/proc/sys"];
    config.process.args = shell(
      "cat /opt/file; touch /opt/directory/x; echo x >>/opt/file; echo 1 >/proc/sys/kernel/domainname; touch /opt/ok && echo ok",
    );
  });
  fill(c.rootfs);
  const { stdout, stderr } = c.run();
  t.equal(stdout, "secret\nok\n");
  t.equal(stderr.match(/Read-only file system/g)?.length, 3);
});

t.test("a read-only path keeps the other attributes of its mount", async (t) => {
  const c = prepare(t, (config) => {
    const options = ["nosuid", "nodev", "noexec"];
    config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options });
    config.linux.readonlyPaths = ["/mnt"];
    config.process.args = shell("grep ' /mnt ' /proc/self/mounts | tail -n 1");
  });
  t.match(c.run().stdout, /ro,nosuid,nodev,noexec/);
});

t.test("a link in the image does not lead a masked path out", async (t) => {
  const c = prepare(t, (config) => {
    config.linux.maskedPaths = ["/link/file"];
    config.process.args = ["cat", "/opt/file"];
  });
  fill(c.rootfs);
  symlinkSync("/opt", join(c.rootfs, "link"));
  t.match(c.run(), { status: 0, stdout: "" });
});

t.test(
  "something else in the place of /dev/null is not taken for a mask",
  { skip: notWith("runc", "1.1 takes it") || notWith("crun", "does not look") },
  async (t) => {
    const c = prepare(t);
    const dev = join(c.bundle, "dev");
    mkdirSync(dev);
    writeFileSync(join(dev, "null"), "not empty\n");
    fill(c.rootfs);
    c.configure((config) => {
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
      config.mounts.push({ destination: "/dev", type: "bind", source: dev, options: ["bind"] });
      config.linux.maskedPaths = ["/opt/file"];
      config.process.args = ["cat", "/opt/file"];
    });
    const { status, stdout } = c.run();
    t.equal(status, 1);
    t.equal(stdout, "");
  },
);

t.test("root.readonly", async (t) => {
  const c = prepare(t, (config) => {
    config.root.readonly = true;
    config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs" });
    config.process.args = shell(
      "touch /x; touch /etc/x; touch /mnt/ok /dev/shm/ok && echo mounts are writable",
    );
  });
  const { stdout, stderr } = c.run();
  t.equal(stdout, "mounts are writable\n");
  t.equal(stderr.match(/Read-only file system/g)?.length, 2);
});

t.test("root.readonly does not keep targets from being made", async (t) => {
  const c = prepare(t, (config) => {
    config.root.readonly = true;
    config.mounts.push({ destination: "/made/late", type: "tmpfs", source: "tmpfs" });
    config.process.args = ["ls", "/made"];
  });
  t.match(c.run(), { status: 0, stdout: "late\n" });
});

t.test(
  "without a mount namespace paths cannot be hidden",
  { skip: notWith("crun", "hides them") },
  async (t) => {
    const c = prepare(t, (config) => {
      config.mounts = [];
      config.linux.readonlyPaths = [];
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
    });
    const { status, stderr } = c.run();
    t.equal(status, 1);
    t.match(stderr, "unable to restrict sys entries without a private MNT namespace");
  },
);

function fill(rootfs: string): void {
  mkdirSync(join(rootfs, "opt/directory"), { recursive: true });
  writeFileSync(join(rootfs, "opt/file"), "secret\n");
  writeFileSync(join(rootfs, "opt/directory/inner"), "");
}
