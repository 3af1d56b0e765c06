/** What DPDK's virtual devices allow for. */

/** Any number of processes can open its interface, each for itself: all of them get all packets. */
const OPEN_TO_ALL = 'net_af_packet';

/** Whether each worker opens these devices by itself, so that several of them, and those of a reload, can be there at once. */
export function hasDeviceForItself(devices: readonly string[]): boolean {
  return devices.length > 0 && devices.every((device) => device.startsWith(OPEN_TO_ALL));
}

/**
 * Frames that its ring holds. DPDK's own 512 overflow while the worker sends: of several large responses at once the last
 * acknowledgments are lost, and nothing moves until TCP's retransmission, a second now and then. 8 MiB, each way.
 */
const RING_FRAMES = 4096;

/** The device as DPDK is told, with what the configuration leaves to us. */
export function withDefaults(device: string): string {
  const said = /,framecnt=/.test(device);
  return device.startsWith(OPEN_TO_ALL) && !said ? `${device},framecnt=${RING_FRAMES}` : device;
}
