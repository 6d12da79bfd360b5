//! The programs. Servers listen on loopback, on ports that the kernel picks where they can say which they got.

use super::RealProgram;

/// A program that is watched by `cargo xtask diff` only.
const fn program(
    name: &'static str,
    needs: &'static [(&'static str, &'static str)],
    prepare: &'static str,
    script: &'static str,
) -> RealProgram {
    RealProgram { name, needs, prepare, script, in_tests: false }
}

/// One that is watched in each test too.
const fn tested(
    name: &'static str,
    needs: &'static [(&'static str, &'static str)],
    prepare: &'static str,
    script: &'static str,
) -> RealProgram {
    RealProgram { name, needs, prepare, script, in_tests: true }
}

/// Some files to work on.
const FILES: &str = "mkdir -p in/a/b in/c; seq 1 5000 >in/numbers; seq 5000 -1 1 >in/a/down; echo needle >in/a/b/hay; \
    head -c 300000 /dev/zero >in/c/zeros; ln -s numbers in/link; ln in/numbers in/c/hard; chmod 640 in/a/down";

/// A server of one file on a port that the kernel picks; it writes the port to the FIFO `port` and ends after two requests.
const SERVER: &str = r#"mkfifo port; seq 1 3000 >page; cat >server.py <<'END'
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
with open("port", "w") as port:
    print(server.server_port, file=port)
for _ in range(2):
    server.handle_request()
END"#;

/// All of them.
pub static PROGRAMS: &[RealProgram] = &[
    tested(
        "sh",
        &[("dash", "sh")],
        "",
        "for i in 1 2 3; do (echo $i; exit $i) >out.$i || true; done; \
         trap 'echo term >got' TERM; kill -TERM $$; cat out.* | wc -c; test -s got; cd /; pwd >/dev/null",
    ),
    tested(
        "ls",
        &[("coreutils", "ls")],
        FILES,
        "ls; ls -lRa in; ls -l --time-style=full-iso /etc >/dev/null; ls nowhere || true",
    ),
    tested(
        "tar",
        &[("tar", "tar"), ("gzip", "gzip")],
        FILES,
        "tar -cf in.tar in; tar -tvf in.tar >list; mkdir out; tar -xf in.tar -C out; tar -czf in.tgz in; tar -tzf in.tgz >list",
    ),
    tested(
        "find",
        &[("findutils", "find")],
        FILES,
        "find in -type f -newer in/link -o -name 'n*' -printf '%p %s %m\\n'; find /usr/share/doc -maxdepth 2 -name '*.gz' \
         >found; find in -type f -exec cat {} + | wc -l",
    ),
    tested(
        "grep",
        &[("grep", "grep")],
        FILES,
        "grep -r needle in; grep -c 99 in/numbers; grep -rl root /etc/passwd /etc/group; grep -q nothing in/numbers || true",
    ),
    tested(
        "git",
        &[("git", "git")],
        "",
        "git init -q repo; cd repo; echo one >a; mkdir d; echo two >d/b; git add .; git commit -qm one; echo more >>a; \
         git commit -qam two; git log --oneline --stat; cd ..; git clone -q repo copy; cd copy; git status --short; \
         git checkout -q HEAD~1; git gc -q",
    ),
    tested(
        "python3",
        &[("python3", "python3")],
        "",
        r#"python3 -c '
import json, os, re, subprocess, tempfile, threading, time
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "f")
    json.dump({"a": [1, 2, 3]}, open(path, "w"))
    assert json.load(open(path))["a"][2] == 3
    os.rename(path, path + "2")
done = threading.Event()
threads = [threading.Thread(target=done.wait) for _ in range(3)]
[t.start() for t in threads]
done.set()
[t.join() for t in threads]
print(subprocess.run(["echo", "x"], capture_output=True).stdout)
time.sleep(0.01)
'"#,
    ),
    tested(
        "perl",
        &[("perl-base", "perl")],
        FILES,
        r#"perl -e 'use Socket; open(F, "<in/numbers") or die; $n += $_ while <F>; print "$n\n";
socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; my $pid = fork;
if (!$pid) { syswrite(B, "hello"); exit 3 } sysread(A, $b, 5); waitpid($pid, 0); print $b, $? >> 8, "\n";
opendir(D, "in"); print join(",", sort readdir(D)), "\n"; utime(1, 2, "in/numbers"); chmod 0600, "in/numbers";
select(undef, undef, undef, 0.01); local $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; sleep 3; printf "%s\n", `echo pipe`'"#,
    ),
    tested(
        "gcc",
        &[("gcc", "gcc"), ("libc6-dev", "gcc")],
        "printf '#include <stdio.h>\\nint main(void) { return puts(\"x\") < 0; }\\n' >a.c",
        "gcc -O1 -o a a.c; ./a; gcc -c -o b.o -g a.c; ar rc lib.a b.o",
    ),
    tested(
        "sqlite3",
        &[("sqlite3", "sqlite3")],
        "",
        r#"sqlite3 db 'create table t (a integer primary key, b text); begin;
insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) select i, hex(i) from n; commit;
select count(*), sum(a) from t; create index x on t(b); pragma journal_mode=wal; update t set b = b || "x"; vacuum;'"#,
    ),
    program(
        "cat",
        &[("coreutils", "cat")],
        FILES,
        "cat in/numbers in/a/down >both; cat both | cat -n | tail -1; echo x | cat - in/link | head -2",
    ),
    program(
        "cp",
        &[("coreutils", "cp")],
        FILES,
        "cp -a in copy; cp --reflink=auto in/c/zeros z; cp -r --preserve=all in in2; cp nothing x || true",
    ),
    program(
        "mv",
        &[("coreutils", "mv")],
        FILES,
        "mv in/numbers n; mv -t in/a n; mv in in3; touch x y; mv -b x y; mv --no-clobber y in3 ",
    ),
    program(
        "dd",
        &[("coreutils", "dd")],
        FILES,
        "dd if=/dev/zero of=d bs=4k count=20 conv=fsync; dd if=d of=e bs=1k skip=3 seek=2 conv=notrunc,sparse; dd if=in/numbers bs=100 count=3 status=none | wc -c",
    ),
    program(
        "sort",
        &[("coreutils", "sort")],
        FILES,
        "sort -n in/a/down >sorted; sort -u -r in/a/down in/numbers | head -1; sort --parallel=4 -S 1M in/numbers in/a/down -o s2",
    ),
    program(
        "wc",
        &[("coreutils", "wc")],
        FILES,
        "wc in/numbers in/a/down; wc -l <in/numbers; find in -type f | wc -l; md5sum in/numbers; stat in/numbers; du -s in; df . ; id; uname -a; date; touch -d @5 t; truncate -s 5 t; sleep 0.01; timeout 5 true; nice -n 1 true; env true; tee o <in/numbers | tail -1",
    ),
    program(
        "bash",
        &[("bash", "bash")],
        FILES,
        "bash -ec 'set -m; sleep 0.05 & seq 100 | sort -n | tail -1; jobs; fg %1; exec 3<>in/numbers; read -u 3 x; echo $x; \
         cat <(echo a) <(echo b); (trap \"echo usr\" USR1; kill -USR1 $BASHPID); coproc cat; echo y >&${COPROC[1]}; read -u ${COPROC[0]} z; kill %2; wait || true'",
    ),
    program(
        "awk",
        &[("mawk", "awk")],
        FILES,
        "awk '{ s += $1 } END { print s }' in/numbers; awk 'BEGIN { while ((\"seq 5\" | getline x) > 0) print x; print 1 | \"cat\" }'",
    ),
    program(
        "sed",
        &[("sed", "sed")],
        FILES,
        "sed -i s/99/xx/ in/numbers; sed -n '5,9p;9q' in/numbers; sed 'w copy' in/a/b/hay",
    ),
    program(
        "gzip",
        &[("gzip", "gzip")],
        FILES,
        "gzip -k in/numbers; gzip -t in/numbers.gz; zcat in/numbers.gz | tail -1; gunzip -c <in/numbers.gz >x",
    ),
    program(
        "bzip2",
        &[("bzip2", "bzip2")],
        FILES,
        "bzip2 -k in/numbers; bzip2 -dc in/numbers.bz2 | tail -1; bzip2 -t in/numbers.bz2",
    ),
    program(
        "xz",
        &[("xz-utils", "xz")],
        FILES,
        "xz -k -T2 in/numbers; xz -l in/numbers.xz; xz -dc in/numbers.xz | tail -1",
    ),
    program(
        "zstd",
        &[("zstd", "zstd")],
        FILES,
        "zstd -q -T2 in/numbers; zstd -q -t in/numbers.zst; zstd -qdc in/numbers.zst | tail -1",
    ),
    program(
        "zip",
        &[("zip", "zip"), ("unzip", "unzip")],
        FILES,
        "zip -qr in.zip in; unzip -l in.zip | tail -1; unzip -q in.zip -d out",
    ),
    program(
        "make",
        &[("make", "make")],
        "printf 'all: a b\\n\\tcat a b >all\\na:\\n\\techo a >a\\nb:\\n\\tsleep 0.01; echo b >b\\n' >Makefile",
        "make -j2; make; make -n all",
    ),
    program(
        "curl",
        &[("curl", "curl"), ("python3", "python3")],
        SERVER,
        "python3 server.py 2>log & read port <port; curl -s http://127.0.0.1:$port/page -o got; curl -sI http://localhost:$port/nothing || true; wait; cmp got page",
    ),
    program(
        "wget",
        &[("wget", "wget"), ("python3", "python3")],
        SERVER,
        "python3 server.py 2>log & read port <port; wget -q http://127.0.0.1:$port/page -O got; wget -q --spider http://127.0.0.1:$port/none || true; wait; cmp got page",
    ),
    program(
        "nginx",
        &[("nginx-light", "nginx"), ("curl", "curl"), ("python3", "python3")],
        r#"python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' >port
mkdir logs www tmp; seq 1 2000 >www/page; cat >conf <<END
daemon on; worker_processes 2; pid $PWD/pid; error_log $PWD/logs/error; user root;
events { worker_connections 64; }
http { access_log $PWD/logs/access; client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
uwsgi_temp_path tmp; scgi_temp_path tmp; sendfile on;
server { listen 127.0.0.1:$(cat port); root $PWD/www; autoindex on; } }
END"#,
        "nginx -p $PWD -c conf; read port <port; for i in 1 2 3; do curl -s http://127.0.0.1:$port/page | tail -1; done; \
         curl -s http://127.0.0.1:$port/ http://127.0.0.1:$port/none -o list -o none; nginx -p $PWD -c conf -s quit",
    ),
    program(
        "redis",
        &[("redis-server", "redis-server"), ("redis-tools", "redis-cli")],
        "",
        "redis-server --port 0 --unixsocket $PWD/s --save '' --dir $PWD --daemonize yes --logfile log >out; \
         until redis-cli -s s ping >pong 2>&1; do sleep 0.05; done; redis-cli -s s set a 1; redis-cli -s s incr a; \
         redis-cli -s s lpush l 1 2 3; redis-cli -s s lrange l 0 -1; redis-cli -s s save; redis-cli -s s shutdown nosave || true",
    ),
    program(
        "ssh-keygen",
        &[("openssh-client", "ssh-keygen")],
        "",
        "ssh-keygen -q -t ed25519 -N '' -f k; ssh-keygen -lf k.pub; ssh-keygen -yf k; echo x >m; ssh-keygen -q -Y sign -f k -n file m",
    ),
    program(
        "openssl",
        &[("openssl", "openssl")],
        "",
        "openssl rand -hex 16; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k; openssl req -x509 -new -key k -subj /CN=x -days 1 -out c; openssl x509 -in c -noout -subject; echo data | openssl enc -aes-256-cbc -pbkdf2 -k x | openssl enc -d -aes-256-cbc -pbkdf2 -k x; openssl dgst -sha256 c",
    ),
    program(
        "openssl s_client",
        &[("openssl", "openssl")],
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=localhost -days 1 2>log; mkfifo said",
        "openssl s_server -accept 127.0.0.1:0 -naccept 1 -key k -cert c -www >said 2>&1 & exec 3<said; \
         while read word port <&3; do test \"$word\" = ACCEPT && break; done; \
         printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -connect $port -quiet 2>log >page || true; cat <&3 >rest; wait",
    ),
    program(
        "jq",
        &[("jq", "jq")],
        "seq 1 300 >n",
        "jq -s 'map({a: ., b: (. * 2 | tostring)})' n >o; jq '.[5].b' o; jq -c 'map(select(.a % 50 == 0))' o",
    ),
    program(
        "rsync",
        &[("rsync", "rsync")],
        FILES,
        "rsync -a in/ out/; echo x >>in/numbers; rsync -ai --delete --checksum in/ out/; rsync --list-only in/",
    ),
    program(
        "node",
        &[("nodejs", "node")],
        "",
        r#"node -e '
const http = require("http"), fs = require("fs"), { Worker } = require("worker_threads");
fs.writeFileSync("f", "x".repeat(10000));
const server = http.createServer((request, response) => response.end(fs.readFileSync("f")));
server.listen(0, "127.0.0.1", () => http.get({ port: server.address().port, host: "127.0.0.1", agent: false }, (response) => {
  let size = 0;
  response.on("data", (part) => size += part.length);
  response.on("end", () => { console.log(size); server.close(); });
}));
new Worker("require(\"worker_threads\").parentPort.postMessage(1)", { eval: true }).on("message", console.log);
fs.promises.readFile("f").then((all) => console.log(all.length));
setTimeout(() => {}, 10);
'"#,
    ),
    program("threads", &[], "", "$BESIDE/threads 4"),
    program(
        "busybox",
        &[("busybox-static", "busybox")],
        FILES,
        "busybox ls -l in; busybox grep needle -r in; busybox tar cf t in; busybox sh -c 'echo $((1 + 2)) | busybox cat'; busybox ps >ps; busybox free; busybox find in -type d",
    ),
    program(
        "ip",
        &[("iproute2", "ip")],
        "",
        "ip addr; ip -s link; ip route; ip -6 route; ip neigh; ip rule || true; ip -j addr show lo",
    ),
    program("ss", &[("iproute2", "ss")], "", "ss -tanp >t; ss -uan >u; ss -xa >x; ss -s"),
    program(
        "file",
        &[("file", "file")],
        FILES,
        "file /bin/sh in/numbers in/c/zeros in /dev/null in/link; file -i in/*",
    ),
    program(
        "gdb",
        &[("gdb", "gdb"), ("gcc", "gcc"), ("libc6-dev", "gcc")],
        "printf 'int main(void) { return 3; }' >a.c; gcc -g -o a a.c",
        "gdb --batch -nx -ex 'info line main' -ex 'disassemble main' -ex 'print sizeof(long)' a",
    ),
    program(
        "groff",
        &[("groff-base", "groff")],
        "printf '.TH X 1\\n.SH NAME\\nx \\\\- y\\n.SH TEXT\\n.TP\\n.B a\\nb\\n' >x.1",
        "groff -man -Tutf8 x.1 >o; groff -t -man -Tascii x.1 | head -3",
    ),
    program(
        "man",
        &[("man-db", "man")],
        "printf '.TH X 1\\n.SH NAME\\nx \\\\- y\\n.SH TEXT\\ntext\\n' >x.1",
        "man -l ./x.1 | cat; man --whatis -l x || true",
    ),
    program(
        "lua",
        &[("lua5.4", "lua5.4")],
        FILES,
        r#"lua5.4 -e 'local n = 0; for l in io.lines("in/numbers") do n = n + l end; print(n); os.rename("in/link", "l"); print(io.popen("echo x"):read()); os.remove("l"); print(os.tmpname() ~= "")'"#,
    ),
    program(
        "ruby",
        &[("ruby", "ruby")],
        FILES,
        r#"ruby -e 'puts File.readlines("in/numbers").map(&:to_i).sum; t = Thread.new { sleep 0.01; 5 }; puts t.value; puts `echo x`; r, w = IO.pipe; fork { w.puts "child" }; puts r.gets; Process.wait; Dir.mkdir("d"); puts Dir.children("in").sort'"#,
    ),
    program(
        "tclsh",
        &[("tcl", "tclsh")],
        FILES,
        r#"echo 'puts [llength [split [read [open in/numbers]] "\n"]]; puts [exec echo x]; file mkdir d; puts [lsort [glob in/*]]; after 5 {set done 1}; vwait done' | tclsh"#,
    ),
    program("bc", &[("bc", "bc")], "", "echo 'scale=50; 4*a(1); 2^300' | bc -l"),
    program("ed", &[("ed", "ed")], FILES, "printf '5,9p\\n$d\\nw\\nq\\n' | ed -s in/numbers"),
    program(
        "patch",
        &[("patch", "patch"), ("diffutils", "diff")],
        FILES,
        "cp in/numbers old; sed -i s/77/seven/ in/numbers; diff -u old in/numbers >d || true; patch -s old d; cmp old in/numbers; diff -r in in",
    ),
    program(
        "cpio",
        &[("cpio", "cpio")],
        FILES,
        "find in | cpio -o -H newc --quiet >c; mkdir o; cd o; cpio -id --quiet <../c; cpio -t <../c >l",
    ),
    program(
        "binutils",
        &[("binutils", "objdump"), ("binutils", "readelf")],
        "cp /bin/true t",
        "readelf -h t; objdump -d t | tail -1; nm -D t >n; strip -o s t; size t; strings t | tail -1",
    ),
    program(
        "dpkg",
        &[("dpkg", "dpkg")],
        "",
        "dpkg -l dpkg | tail -1; dpkg -L dpkg | wc -l; dpkg -S /bin/dpkg || true; dpkg --print-architecture",
    ),
    program(
        "xargs",
        &[("findutils", "xargs")],
        FILES,
        "seq 1 20 | xargs -P 4 -n 3 echo; find in -type f -print0 | xargs -0 wc -l",
    ),
    program(
        "vim",
        &[("vim-tiny", "vi")],
        FILES,
        "vi -es -u NONE -c '%s/99/xx/' -c 'wq' in/numbers </dev/null; tail -1 in/numbers",
    ),
    program(
        "flock",
        &[("util-linux", "flock"), ("util-linux", "unshare")],
        "",
        "flock l echo locked; (flock -n 9 && echo two) 9>l; unshare -m true; lsblk >b 2>&1 || true; mount >m; findmnt / >f || true; nsenter -t $$ -m true; setsid true; getopt -o a -- -a; lscpu >c; prlimit >p; hexdump -C l; logger -s x 2>e || true; dmesg >d || true; chrt -p $$; taskset -p $$; ionice -p $$",
    ),
    program(
        "ps",
        &[("procps", "ps"), ("procps", "free")],
        "",
        "ps -ef >p; free; uptime; vmstat; pgrep -x sh >g; sysctl kernel.ostype; top -bn1 >t",
    ),
    program(
        "rustc",
        &[("rustc", "rustc")],
        "printf 'fn main() { println!(\"{}\", 1 + 1); }' >a.rs",
        "rustc --crate-type lib --emit metadata a.rs",
    ),
    program(
        "ss",
        &[("iproute2", "ss")],
        "",
        "ss -tulpan; ss -xa; ip addr; ip -s link; ip route; ip neigh; ip rule",
    ),
    program(
        "util-linux",
        &[("util-linux", "unshare")],
        "",
        "findmnt; losetup -a; lscpu; lsipc; lsns; prlimit; chrt -p $$; ionice; taskset -p $$; fallocate -l 100k f; mkswap f; \
         unshare -m sh -c 'mkdir m; mount -t tmpfs none m; touch m/x; umount m'; unshare -p -f true; setsid true; \
         script -qc true /dev/null",
    ),
    program(
        "tmux",
        &[("tmux", "tmux")],
        "",
        "tmux -L x -f /dev/null new-session -d 'sleep 0.1'; tmux -L x list-sessions; tmux -L x kill-server || true",
    ),
    program(
        "stress-ng",
        &[("stress-ng", "stress-ng")],
        "",
        "for work in access chmod dentry dir dup eventfd fcntl flock fstat getdent inotify link lockf mknod null open pipe \
         poll rename seek sendfile splice symlink tee touch unlink utime vm-splice xattr zero aio brk epoll exec fork futex \
         get itimer madvise memfd mmap mprotect mq mremap msg msync nanosleep personality pidfd prctl rlimit schedpolicy \
         seccomp sem sem-sysv shm-sysv sigfd signal sigq sock sockpair spawn switch timer timerfd udp umask vfork wait; do \
         stress-ng --$work 1 --$work-ops 3 -q -t 1 || true; done",
    ),
    // no programs from packages: what is written nowhere else in all its values
    tested("constants", &[], "", "$ALL_CONSTANTS"),
    tested("addresses", &[], "", "$ALL_ADDRESSES"),
];
