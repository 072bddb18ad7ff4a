require "playlist"

RSpec.describe Playlist do
  subject(:playlist) { described_class.new.add("Overture", 150).add("Finale", 95) }

  it "keeps the order" do
    expect(playlist.titles).to eq %w[Overture Finale]
  end

  it "refuses songs without a length" do
    expect { playlist.add("Silence", 0) }.to raise_error(ArgumentError, /no length/)
  end

  describe "#duration" do
    it "sums up" do
      expect(playlist.add("Encore", 25).duration).to eq "4:30"
    end

    it "has two digits for seconds" do
      expect(playlist.duration).to eq "4:05"
    end

    it "counts hours"
  end
end
