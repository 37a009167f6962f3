/** Whether an id map (/proc/PID/uid_map) is that of the initial user namespace: all ids, onto themselves. */
export function isInitialIdMap(text: string): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(text);
}
