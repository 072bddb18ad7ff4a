<?php

declare(strict_types=1);

namespace Example\Colour;

use InvalidArgumentException;

/** A colour of red, green and blue, each from 0 to 255. */
final class Colour
{
    public function __construct(
        public readonly int $red,
        public readonly int $green,
        public readonly int $blue,
    ) {
    }

    public static function fromHex(string $hex): self
    {
        if (!preg_match('/^#[0-9a-f]{6}$/', $hex)) {
            throw new InvalidArgumentException("$hex is no colour");
        }

        return new self(...array_map('hexdec', str_split(substr($hex, 1), 2)));
    }

    public function toHex(): string
    {
        return sprintf('#%02x%02x%02x', $this->red, $this->green, $this->blue);
    }
}
