/** What DPDK's virtual devices allow for. */

/** Any number of processes can open its interface, each for itself: all of them get all packets. */
const OPEN_TO_ALL = 'net_af_packet';

/** Whether each worker opens these devices by itself, so that several of them, and those of a reload, can be there at once. */
export function hasDeviceForItself(devices: readonly string[]): boolean {
  return devices.length > 0 && devices.every((device) => device.startsWith(OPEN_TO_ALL));
}
