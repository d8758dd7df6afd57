import { parseArgs } from 'node:util';
export function args(options, allowPositionals = false) {
  const o = {};
  for (const [k, v] of Object.entries(options))
    o[k] = { type: v === true || v === false ? 'boolean' : 'string', ...(k === 'header' ? { multiple: true } : {}) };
  const p = parseArgs({ options: o, allowPositionals, strict: true });
  const out = { ...options, ...p.values, _: p.positionals };
  if ('header' in options)
    out.headers = Object.fromEntries(
      [].concat(p.values.header ?? []).map((h) => {
        const i = h.indexOf(':');
        return [h.slice(0, i).trim(), h.slice(i + 1).trim()];
      }),
    );
  return out;
}
export const median = (a) => {
  const s = [...a].sort((x, y) => x - y);
  const n = s.length;
  return n ? (n % 2 ? s[(n - 1) / 2] : (s[n / 2 - 1] + s[n / 2]) / 2) : NaN;
};
export const round = (x, d = 2) => (x == null || Number.isNaN(x) ? null : Math.round(x * 10 ** d) / 10 ** d);
export function pct(lat) {
  // lat: array of ms
  const a = Float64Array.from(lat).sort();
  const at = (p) => (a.length ? a[Math.min(a.length - 1, Math.ceil(p * a.length) - 1)] : NaN);
  return {
    p50: round(at(0.5), 3),
    p90: round(at(0.9), 3),
    p99: round(at(0.99), 3),
    max: round(a.length ? a[a.length - 1] : NaN, 2),
  };
}
export const MB = (b) => round(b / 1048576, 1);
export function table(rows) {
  if (!rows.length) return '';
  const cols = Object.keys(rows[0]);
  const w = cols.map((c) => Math.max(c.length, ...rows.map((r) => String(r[c] ?? '').length)));
  const line = (v) => v.map((x, i) => String(x ?? '').padStart(w[i])).join('  ');
  return [line(cols), ...rows.map((r) => line(cols.map((c) => r[c])))].join('\n');
}
export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
