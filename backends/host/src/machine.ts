/** What a network interface is, as far as the operating system shows it. */
export type LinkKind =
  | 'loopback'
  | 'bridge'
  | 'lag'
  | 'vlan'
  | 'wireless'
  /** Exists in software only: tunnels, veth, dummy and the like. */
  | 'virtual'
  | 'ethernet'
  /** A device of another kind: InfiniBand, CAN, a modem. */
  | 'other';

/** One network interface. */
export interface Link {
  readonly name: string;
  readonly kind: LinkKind;
  /** Switched on by its administrator, connected or not. */
  readonly enabled: boolean;
  /** `aa:bb:cc:dd:ee:ff`; undefined where there is none. */
  readonly macAddress: string | undefined;
  readonly mtu: number | undefined;
  /** undefined where it is not known, as without a cable. */
  readonly speedMbps: number | undefined;
  readonly duplex: 'full' | 'half' | undefined;
  /** Name of the bridge or bond that it is a member of. */
  readonly master: string | undefined;
  /** Name of the interface that a VLAN lies on. */
  readonly parent: string | undefined;
}

/** One address of an interface. */
export interface Address {
  readonly link: string;
  readonly family: 4 | 6;
  /** With its prefix length: `192.0.2.7/24`. */
  readonly cidr: string;
}

/** What the machine says about itself; undefined where it does not. */
export interface Identity {
  readonly hostname: string;
  readonly manufacturer: string | undefined;
  readonly model: string | undefined;
  readonly serial: string | undefined;
  /** Operating system and its release: `Debian GNU/Linux 12`. */
  readonly platform: string;
}

/** Everything that is read in one run. */
export interface Machine {
  readonly identity: Identity;
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  /** The addresses that traffic to the world leaves with: those of the default route's interface. */
  readonly primary: { readonly ipv4: Address | undefined; readonly ipv6: Address | undefined };
}
