// CPU time and memory of a process tree from /proc (Linux).
import fs from 'node:fs';
import { execFileSync } from 'node:child_process';
const HZ = (() => {
  try {
    return +execFileSync('getconf', ['CLK_TCK']);
  } catch {
    return 100;
  }
})();
const PAGE = (() => {
  try {
    return +execFileSync('getconf', ['PAGESIZE']);
  } catch {
    return 4096;
  }
})();

function stat(pid) {
  let s;
  try {
    s = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  const f = s.slice(s.lastIndexOf(')') + 2).split(' ');
  // f[0]=state f[1]=ppid f[11]=utime f[12]=stime f[13]=cutime f[14]=cstime f[21]=rss
  return { pid, ppid: +f[1], own: (+f[11] + +f[12]) / HZ, reaped: (+f[13] + +f[14]) / HZ, rss: +f[21] * PAGE };
}
export function tree(root) {
  const all = new Map(),
    kids = new Map();
  for (const d of fs.readdirSync('/proc'))
    if (d.charCodeAt(0) < 58) {
      const s = stat(d);
      if (!s) continue;
      all.set(+d, s);
      (kids.get(s.ppid) ?? kids.set(s.ppid, []).get(s.ppid)).push(+d);
    }
  const out = [];
  const todo = [+root];
  while (todo.length) {
    const p = todo.pop();
    const s = all.get(p);
    if (!s) continue;
    out.push(s);
    todo.push(...(kids.get(p) ?? []));
  }
  return out;
}
// own = CPU seconds of the root process; total = whole tree, children that ended included
export function cpu(root) {
  const t = tree(root);
  return {
    own: t.find((s) => s.pid == root)?.own ?? 0,
    total: t.reduce((a, s) => a + s.own + s.reaped, 0),
    n: t.length,
  };
}
export function mem(root, { pss = false } = {}) {
  const t = tree(root);
  const r = { rss: t.reduce((a, s) => a + s.rss, 0), rssRoot: t.find((s) => s.pid == root)?.rss ?? 0, n: t.length };
  if (pss) {
    const p = (pid) => {
      try {
        return +/^Pss: +(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))[1] * 1024;
      } catch {
        return 0;
      }
    };
    r.pss = t.reduce((a, s) => a + p(s.pid), 0);
    r.pssRoot = p(root);
  }
  return r;
}
export function sampler(root, ms = 500) {
  const s = { peak: 0, peakRoot: 0, maxProcs: 0, samples: [] };
  const take = () => {
    const m = mem(root);
    s.peak = Math.max(s.peak, m.rss);
    s.peakRoot = Math.max(s.peakRoot, m.rssRoot);
    s.maxProcs = Math.max(s.maxProcs, m.n);
    s.samples.push([performance.now(), m.rss, m.rssRoot]);
  };
  take();
  const t = setInterval(take, ms);
  s.stop = () => {
    clearInterval(t);
    take();
    return s;
  };
  return s;
}
// CPU seconds the whole machine was busy (steal included): what others used shows whether a run is to be trusted
export function machine() {
  const f = fs.readFileSync('/proc/stat', 'latin1').split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
  return { busy: (f[0] + f[1] + f[2] + f[5] + f[6] + f[7]) / HZ, steal: f[7] / HZ };
}
export const pidOnPort = (port) => {
  // the process that listens on a TCP port (IPv4 or IPv6)
  const hex = (+port).toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set();
  for (const f of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let s;
    try {
      s = fs.readFileSync(f, 'latin1');
    } catch {
      continue;
    }
    for (const l of s.split('\n').slice(1)) {
      const c = l.trim().split(/\s+/);
      if (c[3] === '0A' && c[1].endsWith(':' + hex)) inodes.add(c[9]);
    }
  }
  for (const d of fs.readdirSync('/proc'))
    if (d.charCodeAt(0) < 58) {
      let fds;
      try {
        fds = fs.readdirSync(`/proc/${d}/fd`);
      } catch {
        continue;
      }
      for (const fd of fds) {
        try {
          const m = /^socket:\[(\d+)\]/.exec(fs.readlinkSync(`/proc/${d}/fd/${fd}`));
          if (m && inodes.has(m[1])) return +d;
        } catch {
          // closed meanwhile
        }
      }
    }
  return null;
};
