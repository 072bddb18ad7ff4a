<?php

declare(strict_types=1);

namespace Example\Colour\Tests;

use Example\Colour\Colour;
use InvalidArgumentException;
use PHPUnit\Framework\TestCase;

final class ColourTest extends TestCase
{
    /** @dataProvider colours */
    public function testGoesThereAndBack(string $hex): void
    {
        self::assertSame($hex, Colour::fromHex($hex)->toHex());
    }

    public static function colours(): array
    {
        return ['black' => ['#000000'], 'teal' => ['#008080']];
    }

    public function testRefusesNames(): void
    {
        $this->expectException(InvalidArgumentException::class);
        Colour::fromHex('red');
    }

    public function testTakesCapitals(): void
    {
        self::assertSame(171, Colour::fromHex('#ABCDEF')->red);
    }

    public function testTakesShortForms(): void
    {
        self::markTestSkipped('not decided yet');
    }
}
