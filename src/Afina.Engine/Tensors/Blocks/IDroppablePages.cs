namespace Afina.Engine.Tensors.Blocks;

/// <summary>Memory that can be given back to the system and comes back by itself when touched: a mapped file.</summary>
public interface IDroppablePages
{
    /// <summary>Gives back the whole pages within a range; their contents stay readable.</summary>
    unsafe void DropPages(byte* start, long bytes);
}
